// @ts-check
// Envoy as a sidecar: HTTP/2 in plaintext in, round robin over addresses out, one worker thread.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { answers, freePort, startProcess } from './process.mjs';

const extension = (/** @type {string} */ name) => `type.googleapis.com/envoy.extensions.${name}`;
const socket = (/** @type {string} */ address, /** @type {number} */ port) => ({
  address: { socket_address: { address, port_value: port } },
});
const http2 = { max_concurrent_streams: 1_000 };

/** @param {number} port @param {number} admin @param {readonly string[]} upstreams */
const configuration = (port, admin, upstreams) => ({
  admin: socket('127.0.0.1', admin),
  static_resources: {
    listeners: [
      {
        name: 'outbound',
        ...socket('127.0.0.1', port),
        filter_chains: [{ filters: [{ name: 'http', typed_config: connectionManager }] }],
      },
    ],
    clusters: [
      {
        ...{ name: 'backends', type: 'STATIC', connect_timeout: '1s', lb_policy: 'ROUND_ROBIN' },
        circuit_breakers: {
          thresholds: [{ max_connections: 10_000, max_pending_requests: 100_000, max_requests: 100_000 }],
        },
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': extension('upstreams.http.v3.HttpProtocolOptions'),
            explicit_http_config: { http2_protocol_options: http2 },
          },
        },
        load_assignment: {
          cluster_name: 'backends',
          endpoints: [
            {
              lb_endpoints: upstreams.map((upstream) => {
                const at = upstream.lastIndexOf(':');
                return { endpoint: socket(upstream.slice(0, at), Number(upstream.slice(at + 1))) };
              }),
            },
          ],
        },
      },
    ],
  },
});

const connectionManager = {
  '@type': extension('filters.network.http_connection_manager.v3.HttpConnectionManager'),
  codec_type: 'HTTP2',
  stat_prefix: 'sidecar',
  stream_idle_timeout: '0s',
  http2_protocol_options: http2,
  route_config: {
    virtual_hosts: [
      {
        name: 'all',
        domains: ['*'],
        // No time limit: calls have deadlines of their own.
        routes: [{ match: { prefix: '/' }, route: { cluster: 'backends', timeout: '0s' } }],
      },
    ],
  },
  http_filters: [
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': extension('filters.http.router.v3.Router'), suppress_envoy_headers: true },
    },
  ],
};

/** @param {{ readonly upstreams: readonly string[] }} options host:port each @returns {Promise<{ address: string, pid: number, close(): Promise<void> }>} */
export async function startEnvoy({ upstreams }) {
  const home = mkdtempSync(join(tmpdir(), 'podwire-envoy-'));
  const [port, admin] = [await freePort(), await freePort()];
  const file = join(home, 'envoy.json');
  writeFileSync(file, JSON.stringify(configuration(port, admin, upstreams)));
  const server = await startProcess({
    name: 'Envoy',
    command: [
      ...[join(provisioned(items.envoy), 'envoy', '_bin', 'envoy'), '-c', file],
      ...['--concurrency', '1', '--disable-hot-restart', '-l', 'warning'],
    ],
    ready: () => answers(`http://127.0.0.1:${admin}/ready`),
  });
  return {
    address: `127.0.0.1:${port}`,
    pid: server.pid,
    async close() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
