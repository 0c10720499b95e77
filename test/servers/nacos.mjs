// @ts-check
// A real Nacos server, standalone, on a free port: HTTP there, gRPC at +1000 and +1001, its own consensus at -1000.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { answers, freePort, startProcess } from './process.mjs';

// Any 32 bytes in base64; signs the tokens that logins get.
const TOKEN_KEY = Buffer.alloc(32, 'podwire test ').toString('base64');
// Both of these have the classes com.caucho.hessian, of which Nacos needs Caucho's, and the other has what pushes need.
const FIRST_JAR = 'hessian-4.0.63.jar';
const opens = ['java.lang', 'java.util'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

/**
 * @typedef {object} NacosOptions
 * @property {'1.4' | '2.3' | '3.1'} [version] default 2.3; 1.4 is in no package registry: PODWIRE_NACOS_1 names a folder with its jars in `lib/`
 * @property {boolean} [auth] logins needed; user `nacos`, password `nacos`. Default false
 * @property {Readonly<Record<string, string | number | boolean>>} [properties] more lines of application.properties,
 *   such as `nacos.naming.push.pushTaskDelay` in ms (the server's default is 500)
 */

/**
 * @typedef {object} Nacos
 * @property {string} address host:port of HTTP, what clients are configured with
 * @property {number} port
 * @property {string} url HTTP with the context path
 * @property {() => string} log
 * @property {(signal: NodeJS.Signals) => void} signal such as SIGSTOP and SIGCONT
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop default SIGKILL
 * @property {() => Promise<void>} start again after `stop`, on the same port with the same data
 * @property {() => void} wipe forgets all data; only while stopped
 * @property {() => Promise<void>} close
 */

/** @param {Required<NacosOptions>} options @param {number} port @param {string} home */
function properties({ version, auth, properties: more }, port, home) {
  const three = version === '3.1';
  /** @type {Record<string, string | number | boolean>} */
  const lines = {
    [three ? 'nacos.server.main.port' : 'server.port']: port,
    [three ? 'nacos.server.contextPath' : 'server.servlet.contextPath']: '/nacos',
    'server.address': '127.0.0.1',
    'nacos.inetutils.ip-address': '127.0.0.1',
    'nacos.core.auth.system.type': 'nacos',
    'nacos.core.auth.enabled': auth,
    'nacos.core.auth.admin.enabled': false,
    'nacos.core.auth.console.enabled': false,
    'nacos.core.auth.caching.enabled': true,
    'nacos.core.auth.server.identity.key': 'test',
    'nacos.core.auth.server.identity.value': 'test',
    'nacos.core.auth.plugin.nacos.token.secret.key': TOKEN_KEY,
    'nacos.core.auth.default.token.secret.key': TOKEN_KEY,
    'management.metrics.export.elastic.enabled': false,
    'management.metrics.export.influx.enabled': false,
    'server.tomcat.accesslog.enabled': false,
    'server.tomcat.basedir': `file:${home}`,
    ...more,
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** With logins, readiness comes before the table of users has loaded. @param {string} url @param {boolean} three */
async function loggedIn(url, three) {
  const user = three ? '/v3/auth/user' : '/v1/auth/users';
  const body = new URLSearchParams({ username: 'nacos', password: 'nacos' });
  const post = (/** @type {string} */ path) => fetch(url + path, { method: 'POST', body });
  // 3.x starts without any user; the first one is made without a login.
  if (three) await post(`${user}/admin`);
  const login = await post(`${user}/login`);
  if (!login.ok || three) return login.ok;
  // Nacos reads permissions after it has read the users.
  const { accessToken } = /** @type {{ accessToken: string }} */ (await login.json());
  return (await fetch(`${url}/v1/auth/roles?search=accurate&pageNo=1&pageSize=1&accessToken=${accessToken}`))
    .ok;
}

/** @param {Required<NacosOptions>['version']} version @returns {string} */
function directoryOf(version) {
  if (version !== '1.4') return provisioned(items[version === '3.1' ? 'nacos-3' : 'nacos-2']);
  const own = process.env.PODWIRE_NACOS_1;
  if (own === undefined) throw new Error('Nacos 1.4 is to be built first: see docs/testing.md');
  return own;
}

const STARTS = 3;

/** @param {NacosOptions} [options] @returns {Promise<Nacos>} */
export async function startNacos({ version = '2.3', auth = false, properties: more = {} } = {}) {
  const three = version === '3.1';
  const directory = directoryOf(version);
  const home = mkdtempSync(join(tmpdir(), 'podwire-nacos-'));
  const port = await freePort(1_000, 1_001, -1_000);
  const url = `http://127.0.0.1:${port}/nacos`;
  const readiness = three ? '/v3/admin/core/state/readiness' : '/v1/console/health/readiness';
  const launch = async () => {
    for (const part of ['conf', 'logs', 'data', 'tmp']) mkdirSync(join(home, part), { recursive: true });
    // To make one of its own takes Nacos, on a busy machine, longer than the 10 s that it gives itself.
    const store = join(home, 'data', 'derby-data');
    if (!existsSync(store))
      cpSync(join(provisioned(items['nacos-store']), 'derby-data'), store, { recursive: true });
    writeFileSync(
      join(home, 'conf', 'application.properties'),
      properties({ version, auth, properties: more }, port, home),
    );
    return startProcess({
      name: `Nacos ${version}`,
      cwd: home,
      command: [
        ...[
          'java',
          '-Xms64m',
          three ? '-Xmx512m' : '-Xmx256m',
          '-XX:+UseSerialGC',
          '-XX:TieredStopAtLevel=1',
        ],
        ...opens,
        ...['-Dnacos.standalone=true', `-Dnacos.home=${home}`, `-Duser.home=${home}`],
        ...[`-Djava.io.tmpdir=${home}/tmp`, `-Dspring.config.additional-location=file:${home}/conf/`],
        ...['-cp', `${directory}/classes:${directory}/lib/${FIRST_JAR}:${directory}/lib/*`],
        three ? 'Launcher' : 'com.alibaba.nacos.Nacos',
      ],
      ready: async () => (await answers(url + readiness)) && (!auth || (await loggedIn(url, three))),
    });
  };
  /** Nacos gives itself 10 s to open its store, which a busy machine may exceed: it ends, and is started again, as a Pod is. */
  const start = async () => {
    for (let left = STARTS - 1; ; left--) {
      try {
        return await launch();
      } catch (error) {
        if (left === 0 || !/Login timeout exceeded/.test(String(error))) throw error;
        console.log(`Nacos ${version} was slow to open its store, and is started again`);
      }
    }
  };
  let server = await start();
  return {
    address: `127.0.0.1:${port}`,
    port,
    url,
    log: () => server.log(),
    signal: (signal) => server.signal(signal),
    stop: (signal) => server.stop(signal),
    async start() {
      server = await start();
    },
    wipe: () => rmSync(home, { recursive: true, force: true }),
    async close() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
