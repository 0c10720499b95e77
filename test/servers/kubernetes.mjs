// @ts-check
// A real Kubernetes control plane on 127.0.0.1: etcd, kube-apiserver and, when asked, kube-controller-manager.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { apiClient } from './kubernetes-api.mjs';
import { writeKeys, writeServerKeys } from './kubernetes-keys.mjs';
import { answers, freePort, startProcess } from './process.mjs';

/** What makes slices of Services and Pods of Deployments, and cleans up after them. */
const CONTROLLERS = [
  ...['endpoints', 'endpointslice', 'endpointslice-mirroring', 'deployment', 'replicaset', 'namespace'],
  ...['serviceaccount', 'clusterrole-aggregation', 'root-ca-certificate-publisher', 'garbage-collector'],
].map((name) => `${name}-controller`);

/** Each request once, when its answer begins; a watch's may end hours later. */
const AUDITED = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'Metadata',
      resources: [
        { group: 'discovery.k8s.io', resources: ['endpointslices'] },
        { group: '', resources: ['endpoints'] },
      ],
    },
    { level: 'None' },
  ],
};

/** @typedef {import('./process.mjs').Running} Running */

/**
 * One of the programs. `start` runs it again with the same ports and data after `stop`.
 * @typedef {object} Program
 * @property {() => Promise<void>} start
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop default SIGKILL
 * @property {(signal: NodeJS.Signals) => void} signal such as SIGSTOP and SIGCONT
 * @property {() => string} log
 */

/** @param {() => Promise<Running>} launch @returns {Promise<Program>} */
async function program(launch) {
  let running = await launch();
  return {
    async start() {
      running = await launch();
    },
    stop: (signal) => running.stop(signal),
    signal: (signal) => running.signal(signal),
    log: () => running.log(),
  };
}

/**
 * @typedef {object} KubernetesOptions
 * @property {boolean} [controllers] run the controller manager; default false
 * @property {boolean} [audit] log the requests for endpoints and slices with their users; default false
 * @property {readonly string[]} [apiServerArguments] more flags of kube-apiserver
 */

/**
 * A request of the audit log: its resource, verb and user.
 * @typedef {object} Audited
 * @property {'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'} verb
 * @property {string} requestURI
 * @property {{ username: string }} user
 * @property {string} userAgent
 * @property {{ code: number }} responseStatus
 */

/**
 * @typedef {object} Kubernetes
 * @property {string} url
 * @property {number} port
 * @property {string} caFile
 * @property {string} token an administrator's
 * @property {string} kubeconfigFile an administrator's, with the token
 * @property {{ cert: string, key: string }} clientCertificateFiles an administrator's
 * @property {string} etcdUrl
 * @property {Program} etcd
 * @property {Program} apiServer
 * @property {Program | undefined} controllerManager
 * @property {import('./kubernetes-api.mjs').ApiRequest} request
 * @property {import('./kubernetes-api.mjs').Api['must']} must
 * @property {import('./kubernetes-api.mjs').Api['watch']} watch
 * @property {() => Audited[]} audited what the audit log holds, of all runs of the API server
 * @property {() => Promise<void>} wipe restarts etcd without its data; the API server must be stopped
 * @property {() => void} rotateCa makes a new CA and a certificate of the API server, which it takes when it starts again
 * @property {string} accountKeyFile signs tokens of service accounts
 * @property {() => Promise<void>} close
 */

/** @param {KubernetesOptions} [options] @returns {Promise<Kubernetes>} */
export async function startKubernetes({ controllers = false, audit = false, apiServerArguments = [] } = {}) {
  const binary = join(provisioned(items.kubernetes), 'kubernetes');
  const home = mkdtempSync(join(tmpdir(), 'podwire-kubernetes-'));
  const keys = (/** @type {string} */ file) => join(home, 'keys', file);
  const [auditPolicy, auditLog] = [join(home, 'audit-policy.json'), join(home, 'audit.log')];
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
  const url = `https://127.0.0.1:${port}`;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const { token } = writeKeys(join(home, 'keys'), url);

  const api = apiClient(url, keys('ca.crt'), token);
  const { request } = api;
  if (audit) writeFileSync(auditPolicy, JSON.stringify(AUDITED));

  const startEtcd = () =>
    startProcess({
      name: 'etcd',
      command: [
        ...[
          binary,
          'etcd',
          '--name=test',
          `--data-dir=${home}/etcd`,
          '--unsafe-no-fsync',
          '--log-level=warn',
        ],
        ...[`--listen-client-urls=${etcdUrl}`, `--advertise-client-urls=${etcdUrl}`],
        ...['listen-peer-urls', 'initial-advertise-peer-urls'].map(
          (flag) => `--${flag}=http://127.0.0.1:${peerPort}`,
        ),
        `--initial-cluster=test=http://127.0.0.1:${peerPort}`,
      ],
      ready: () => answers(`${etcdUrl}/health`),
    });
  const startApiServer = () =>
    startProcess({
      name: 'kube-apiserver',
      command: [
        ...[binary, 'kube-apiserver', `--etcd-servers=${etcdUrl}`],
        ...['--bind-address=127.0.0.1', `--secure-port=${port}`],
        // No endpoints of its own: its address is a loopback one, which an EndpointSlice may not hold.
        ...['--advertise-address=10.96.0.250', '--endpoint-reconciler-type=none'],
        ...['--service-cluster-ip-range=10.96.0.0/24', '--authorization-mode=RBAC'],
        ...[`--tls-cert-file=${keys('server.crt')}`, `--tls-private-key-file=${keys('server.key')}`],
        ...[`--client-ca-file=${keys('ca.crt')}`, `--token-auth-file=${keys('tokens.csv')}`],
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${keys('accounts.pub')}`,
        `--service-account-signing-key-file=${keys('accounts.key')}`,
        // Without the controller no namespace has the account that this would ask for.
        ...(controllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
        ...(audit ? [`--audit-policy-file=${auditPolicy}`, `--audit-log-path=${auditLog}`] : []),
        ...apiServerArguments,
      ],
      ready: async () => (await request('GET', '/readyz')).status === 200,
    });
  const startControllers = () =>
    startProcess({
      name: 'kube-controller-manager',
      command: [
        ...[binary, 'kube-controller-manager', `--kubeconfig=${keys('controllers.kubeconfig')}`],
        ...['--leader-elect=false', '--bind-address=127.0.0.1', '--secure-port=0'],
        ...[`--root-ca-file=${keys('ca.crt')}`, '--use-service-account-credentials=true'],
        `--service-account-private-key-file=${keys('accounts.key')}`,
        `--controllers=${CONTROLLERS.join(',')}`,
      ],
      ready: async () =>
        (await request('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200,
    });

  /** @type {Program[]} */
  const started = [];
  const close = async () => {
    await Promise.all(started.map((each) => each.stop()));
    rmSync(home, { recursive: true, force: true });
  };
  try {
    for (const launch of [startEtcd, startApiServer, ...(controllers ? [startControllers] : [])]) {
      started.push(await program(launch));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const [etcd, apiServer, controllerManager] = /** @type {[Program, Program, Program | undefined]} */ (
    started
  );
  return {
    ...{ url, port, caFile: keys('ca.crt'), token, kubeconfigFile: keys('admin.kubeconfig') },
    clientCertificateFiles: { cert: keys('admin.crt'), key: keys('admin.key') },
    ...{ etcdUrl, etcd, apiServer, controllerManager, ...api, close },
    accountKeyFile: keys('accounts.key'),
    rotateCa: () => writeServerKeys(join(home, 'keys')),
    audited() {
      const lines = existsSync(auditLog) ? readFileSync(auditLog, 'utf8').split('\n') : [];
      const all = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
      // The answer of a watch begins, and that of others is complete.
      return all.filter(({ verb, stage }) => (verb === 'watch') === (stage === 'ResponseStarted'));
    },
    async wipe() {
      await etcd.stop();
      rmSync(`${home}/etcd`, { recursive: true });
      await etcd.start();
    },
  };
}
