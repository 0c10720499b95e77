// @ts-check
// Stands in for the scheduler and the kubelets of a test cluster: gives each Pod a Node and an address, runs its container's
// command, probes it, writes its status, and ends it as a kubelet does (preStop, SIGTERM, grace, SIGKILL). All between is done
// by the real controllers. It probes more often than a kubelet, which does so once a second at most.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { healthOf } from './health.mjs';
import { startProcess } from './process.mjs';

const PROBE_MS = 100;
/** Where a container finds its account's token (as a mount in a namespace of its own). */
const ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * @typedef {object} KubeletOptions
 * @property {string} directory where containers run
 * @property {readonly string[]} [addresses] of Pods; default 10.244.0.11 to 10.244.0.30
 * @property {readonly string[]} [zones] one Node in each; default one Node in zone-a
 * @property {(address: string) => Readonly<Record<string, string>>} [env] beside the container's own
 */

/**
 * One Pod that runs here.
 * @typedef {object} LocalPod
 * @property {string} name
 * @property {string} namespace
 * @property {string} address
 * @property {boolean} ready
 * @property {import('./process.mjs').Running | undefined} container undefined until it runs, and when it is gone
 */

/**
 * @typedef {object} Kubelet
 * @property {() => readonly LocalPod[]} pods
 * @property {readonly Error[]} problems
 * @property {() => Promise<void>} close kills what runs
 */

/** @param {import('./kubernetes.mjs').Kubernetes} cluster @param {KubeletOptions} options @returns {Promise<Kubelet>} */
export async function startKubelet(cluster, options) {
  const { directory, zones = ['zone-a'], env = () => ({}) } = options;
  const free = [...(options.addresses ?? Array.from({ length: 20 }, (_, i) => `10.244.0.${11 + i}`))];
  const home = mkdtempSync(join(tmpdir(), 'podwire-kubelet-'));
  const closed = new AbortController();
  /** @type {Map<string, LocalPod & { leaving: boolean }>} */
  const pods = new Map();
  /** What is told of Pods that are gone comes late. @type {Set<string>} */
  const ended = new Set();
  /** @type {Error[]} */
  const problems = [];
  const { must, request } = cluster;

  for (const [i, zone] of zones.entries()) {
    const labels = { 'kubernetes.io/hostname': `node-${i}`, 'topology.kubernetes.io/zone': zone };
    await request('POST', '/api/v1/nodes', { metadata: { name: `node-${i}`, labels } });
  }

  /** @param {LocalPod} pod @param {any} object */
  const writeStatus = async (pod, object) => {
    const { address, ready } = pod;
    const conditions = ['Initialized', 'PodScheduled', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: ready || !type.endsWith('Ready') ? 'True' : 'False',
    }));
    const [{ name, image }] = object.spec.containers;
    const container = { name, image, imageID: image, ready, restartCount: 0, started: true };
    await must('PATCH', `${pathOf(object)}/status`, {
      status: {
        ...{ phase: 'Running', podIP: address, podIPs: [{ ip: address }], conditions },
        containerStatuses: [{ ...container, state: { running: {} } }],
      },
    });
  };

  /** @param {any} object @param {string} address */
  const startContainer = async (object, address) => {
    const [container] = object.spec.containers;
    const command = [...container.command, ...(container.args ?? [])];
    const account = await mountAccount(cluster, object, join(home, object.metadata.uid));
    return startProcess({
      name: object.metadata.name,
      command: [...account, ...command],
      cwd: directory,
      env: { ...serviceEnv(cluster), ...containerEnv(container, object, address), ...env(address) },
      ready: async () => true,
    });
  };

  /** @param {any} object */
  const run = async (object) => {
    const address = free.shift();
    const { uid, name, namespace } = object.metadata;
    if (address === undefined) throw new Error('no address is left for another Pod');
    const pod = {
      ...{ name, namespace, address, ready: false, leaving: false },
      container: /** @type {LocalPod['container']} */ (undefined),
    };
    pods.set(uid, pod);
    const node = `node-${pods.size % zones.length}`;
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    await must('POST', `${pathOf(object)}/binding`, { metadata: { name }, target });
    object.spec.nodeName = node;
    pod.container = await startContainer(object, address);
    await writeStatus(pod, object);
    while (!pod.leaving && !closed.signal.aborted) {
      const ready = await probe(object.spec.containers[0], address);
      if (ready !== pod.ready && !pod.leaving) {
        pod.ready = ready;
        await writeStatus(pod, object);
      }
      await pause(PROBE_MS);
    }
  };

  /** @param {any} object */
  const end = async (object) => {
    const { uid, deletionGracePeriodSeconds } = object.metadata;
    const pod = pods.get(uid);
    if (ended.has(uid) || pod?.leaving) return;
    // A Pod that never got here has no process to end.
    if (pod === undefined) return remove(object);
    pod.leaving = true;
    const sleepSeconds = object.spec.containers[0].lifecycle?.preStop?.sleep?.seconds ?? 0;
    await pause(1_000 * sleepSeconds);
    // The grace counts from the deletion on, with what preStop took.
    const kill = setTimeout(
      () => pod.container?.signal('SIGKILL'),
      1_000 * (deletionGracePeriodSeconds - sleepSeconds),
    );
    await pod.container?.stop('SIGTERM');
    clearTimeout(kill);
    pod.container = undefined;
    await remove(object);
    pods.delete(uid);
    free.push(pod.address);
  };

  const remove = (/** @type {any} */ object) => {
    ended.add(object.metadata.uid);
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    return must('DELETE', pathOf(object), { ...options, preconditions: { uid: object.metadata.uid } });
  };
  const see = (/** @type {any} */ object) => {
    const { metadata, spec } = object;
    if (metadata.deletionTimestamp !== undefined) {
      return end(object);
    }
    return spec.nodeName === undefined && !pods.has(metadata.uid) ? run(object) : undefined;
  };
  const report = (/** @type {Error} */ error) => {
    if (!closed.signal.aborted) problems.push(error);
  };
  const follow = async () => {
    while (!closed.signal.aborted) {
      const list = await must('GET', '/api/v1/pods').catch(() => undefined);
      if (list === undefined) {
        await pause(PROBE_MS);
        continue;
      }
      for (const object of list.items) void see(object)?.catch(report);
      const path = `/api/v1/pods?watch=1&resourceVersion=${list.metadata.resourceVersion}`;
      await cluster.watch(
        path,
        ({ type, object }) => {
          if (type === 'ADDED' || type === 'MODIFIED') void see(object)?.catch(report);
        },
        closed.signal,
      );
    }
  };
  const following = follow();

  return {
    pods: () => [...pods.values()],
    problems,
    async close() {
      closed.abort();
      await following;
      await Promise.all([...pods.values()].map(({ container }) => container?.stop()));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const pathOf = (/** @type {any} */ { metadata: { namespace, name } }) =>
  `/api/v1/namespaces/${namespace}/pods/${name}`;

/** @param {any} container @param {string} address @returns {Promise<boolean>} */
async function probe({ readinessProbe }, address) {
  if (readinessProbe === undefined) return true;
  if (readinessProbe.grpc === undefined) throw new Error('the kubelet here knows gRPC probes only');
  return healthOf(`${address}:${readinessProbe.grpc.port}`);
}

/** @param {import('./kubernetes.mjs').Kubernetes} cluster */
const serviceEnv = ({ port }) => ({
  KUBERNETES_SERVICE_HOST: '127.0.0.1',
  KUBERNETES_SERVICE_PORT: String(port),
  KUBECONFIG: '',
});

/** The container's own variables, with those that the downward API gives. @param {any} container @param {any} object @param {string} address */
function containerEnv(container, object, address) {
  const { metadata, spec } = object;
  /** @type {Readonly<Record<string, string>>} */
  const fields = {
    'status.podIP': address,
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'spec.nodeName': spec.nodeName,
  };
  /** @type {Record<string, string>} */
  const env = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    env[name] = value ?? fields[valueFrom?.fieldRef?.fieldPath] ?? '';
  }
  return env;
}

/** What runs a command with the Pod's token where a Pod finds it. @param {import('./kubernetes.mjs').Kubernetes} cluster @param {any} object @param {string} dir */
async function mountAccount(cluster, { metadata: { namespace }, spec }, dir) {
  if (spec.automountServiceAccountToken === false) return [];
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/${spec.serviceAccountName ?? 'default'}`;
  const { status } = await cluster.must('POST', `${account}/token`, { spec: { expirationSeconds: 3_600 } });
  mkdirSync(dir);
  writeFileSync(join(dir, 'token'), status.token);
  writeFileSync(join(dir, 'ca.crt'), readFileSync(cluster.caFile));
  writeFileSync(join(dir, 'namespace'), namespace);
  const mount = [
    'mount -t tmpfs none "$(realpath /var/run)"',
    `mkdir -p ${ACCOUNT_DIR}`,
    `mount --bind "$0" ${ACCOUNT_DIR}`,
    'exec "$@"',
  ];
  return ['unshare', '--mount', '--', 'sh', '-c', mount.join(' && '), dir];
}
