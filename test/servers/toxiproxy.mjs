// @ts-check
// A TCP proxy that adds latency, cuts connections and limits bandwidth: https://github.com/Shopify/toxiproxy
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { answers, freePort, startProcess } from './process.mjs';

/**
 * @typedef {object} FaultProxy one proxy before one address
 * @property {string} address what to connect to
 * @property {(enabled: boolean) => Promise<void>} enable false closes all connections and refuses new ones
 * @property {(type: string, attributes: object, stream?: 'upstream' | 'downstream') => Promise<void>} add
 *   a toxic such as `latency` with `{ latency: 50, jitter: 10 }` (ms), `timeout` with `{ timeout: 0 }` (swallows all),
 *   `reset_peer` with `{ timeout: 0 }`, `bandwidth` with `{ rate: 10 }` (kB/s), `slicer`
 * @property {() => Promise<void>} clear removes all toxics
 */

/** @returns {Promise<{ proxy(upstream: string): Promise<FaultProxy>, close(): Promise<void> }>} */
export async function startToxiproxy() {
  const api = await freePort();
  const url = `http://127.0.0.1:${api}`;
  const server = await startProcess({
    name: 'toxiproxy',
    command: [join(provisioned(items.toxiproxy), 'toxiproxy'), '-host', '127.0.0.1', '-port', String(api)],
    ready: () => answers(`${url}/version`),
  });
  const send = async (
    /** @type {string} */ method,
    /** @type {string} */ path,
    /** @type {object} */ body = {},
  ) => {
    const init = method === 'DELETE' ? { method } : { method, body: JSON.stringify(body) };
    const reply = await fetch(url + path, init);
    const text = await reply.text();
    if (!reply.ok) throw new Error(`toxiproxy: ${method} ${path}: ${reply.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
  let made = 0;
  return {
    async proxy(upstream) {
      const name = `proxy-${made++}`;
      const { listen } = await send('POST', '/proxies', {
        name,
        listen: '127.0.0.1:0',
        upstream,
        enabled: true,
      });
      /** @type {string[]} */
      const toxics = [];
      return {
        address: listen,
        // Sent with its address, or a proxy that comes back listens on another port.
        enable: (enabled) => send('POST', `/proxies/${name}`, { enabled, listen, upstream }),
        async add(type, attributes, stream = 'downstream') {
          const toxic = `${type}-${toxics.length}`;
          await send('POST', `/proxies/${name}/toxics`, {
            name: toxic,
            type,
            stream,
            attributes,
            toxicity: 1,
          });
          toxics.push(toxic);
        },
        async clear() {
          for (const toxic of toxics.splice(0)) await send('DELETE', `/proxies/${name}/toxics/${toxic}`);
        },
      };
    },
    close: () => server.stop(),
  };
}
