// @ts-check
// A provider and a consumer of podwire.test.Echo (test/proto/echo.proto) as dubbo-go makes them: Triple, found in Nacos.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { accepts, freePort, startProcess } from './process.mjs';

/**
 * @typedef {object} DubboOptions
 * @property {string} nacos host:port of Nacos's HTTP
 * @property {'interface' | 'service' | 'all'} [mode] how it registers, or finds; default dubbo-go's own: `service`, by application
 * @property {string} [app] the application; default `echo-provider` or `echo-consumer`
 * @property {string} [version] of the interface
 * @property {string} [group] of the interface
 */

/**
 * @typedef {object} DubboProvider
 * @property {string} address host:port
 * @property {number} port
 * @property {() => string} log
 * @property {(signal: NodeJS.Signals) => void} signal
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop default SIGKILL; SIGTERM is how dubbo-go leaves
 */

/**
 * What a consumer did since it was asked last.
 * @typedef {object} Calls
 * @property {Readonly<Record<string, number>>} answered by Pod
 * @property {Readonly<Record<string, number>>} failed by message
 */

/**
 * @typedef {object} DubboConsumer
 * @property {{ get: string, collect: string, list: string[], chat: string[] }} kinds the answers of one call of each kind
 * @property {() => Calls} calls since it was asked last; one every 10 ms
 * @property {() => Promise<void>} stop
 */

/** @param {string} command @param {string} app @param {DubboOptions} options @param {string[]} more */
function commandLine(command, app, options, more) {
  const { nacos, mode = '', version = '', group = '' } = options;
  const flags = { nacos, mode, version, group, app: options.app ?? app };
  return [
    ...[join(provisioned(items['dubbo-go']), 'dubbo-go'), command],
    ...Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
    ...more,
  ];
}

// It keeps logs and caches of what it found before in its working and home directories.
async function withHome(/** @type {(home: string) => Promise<any>} */ start) {
  const home = mkdtempSync(join(tmpdir(), 'podwire-dubbo-'));
  const remove = () => rmSync(home, { recursive: true, force: true });
  try {
    return { ...(await start(home)), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** @typedef {{ ip: string, port: number }} Listed */

/** Whether Nacos lists the address under what a provider registers. @param {DubboOptions} options @param {string} host @param {number} port */
async function isListed(options, host, port) {
  const { nacos, mode, app = 'echo-provider', version = '', group = '' } = options;
  const service = mode === 'interface' ? `providers:podwire.test.Echo:${version}:${group}` : app;
  const query = new URLSearchParams({ serviceName: service, groupName: 'DEFAULT_GROUP' });
  // Of 2.x and of 3.x.
  for (const path of ['v1/ns/instance/list', 'v3/client/ns/instance/list']) {
    const reply = await fetch(`http://${nacos}/nacos/${path}?${query}`, {
      signal: AbortSignal.timeout(5_000),
    });
    const answer = reply.ok ? await reply.json() : {};
    const { hosts, data } = /** @type {{ hosts?: Listed[], data?: Listed[] | null }} */ (answer);
    const list = hosts ?? data ?? [];
    if (list.some((one) => one.ip === host && one.port === port)) return true;
  }
  return false;
}

/** A provider whose Nacos does not answer in the first half second ends; where Pods run, it is started again. */
const MAX_RESTARTS = 4;

/**
 * @param {DubboOptions & { pod: string, host?: string, port?: number, metadata?: 'dubbo' | 'tri' | 'remote' }} options `pod`
 *   is what it calls itself in answers; `metadata` where its consumers read what it has, dubbo-go's default being `dubbo`
 * @returns {Promise<DubboProvider>} accepting connections, and listed in Nacos
 */
export async function startDubboProvider(options) {
  const { pod, host = '127.0.0.1', port = await freePort(), metadata = '' } = options;
  const more = [`-pod=${pod}`, `-ip=${host}`, `-port=${port}`, `-metadata=${metadata}`];
  const start = () =>
    withHome((home) =>
      startProcess({
        name: "dubbo-go's provider",
        cwd: home,
        env: { HOME: home },
        command: commandLine('provide', 'echo-provider', options, more),
        ready: async () => (await accepts(port, host)) && (await isListed(options, host, port)),
      }),
    );
  /** @returns {Promise<import('./process.mjs').Running & { remove(): void }>} */
  const startAgain = (/** @type {number} */ left) =>
    start().catch((error) => {
      if (left === 0 || !error.message.includes('fatal: failed to export')) throw error;
      return startAgain(left - 1);
    });
  const server = await startAgain(MAX_RESTARTS);
  return {
    address: `${host}:${port}`,
    port,
    log: server.log,
    signal: server.signal,
    stop: (signal) => server.stop(signal).then(server.remove),
  };
}

/**
 * @param {DubboOptions} options
 * @returns {Promise<DubboConsumer>} after it has called each kind of method; rejects with its output when it finds no provider
 */
export async function startDubboConsumer(options) {
  /** @type {string[]} */
  let lines = [];
  let seen = 1;
  const consumer = await withHome((home) => {
    const out = join(home, 'calls.jsonl');
    const read = () => {
      lines = readFileSync(out, 'utf8').split('\n').slice(0, -1);
      return lines.length > 0;
    };
    return startProcess({
      name: "dubbo-go's consumer",
      cwd: home,
      env: { HOME: home },
      command: commandLine('consume', 'echo-consumer', options, [`-out=${out}`]),
      ready: async () => read(),
      timeoutMs: 45_000,
    }).then((running) => ({ ...running, read }));
  });
  return {
    kinds: JSON.parse(/** @type {string} */ (lines[0])),
    calls() {
      consumer.read();
      const all = lines.slice(seen).map((line) => JSON.parse(line));
      seen = lines.length;
      /** @param {'answered' | 'failed'} key */
      const sum = (key) => {
        /** @type {Record<string, number>} */
        const total = {};
        for (const one of all)
          for (const [name, count] of Object.entries(one[key])) total[name] = (total[name] ?? 0) + count;
        return total;
      };
      return { answered: sum('answered'), failed: sum('failed') };
    },
    stop: () => consumer.stop('SIGTERM').then(consumer.remove),
  };
}
