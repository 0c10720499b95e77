import type { Registry } from '@podwire/registry';
import { type NacosOptions, nacos } from '@podwire/registry-nacos';
import { NacosNamingClient } from 'nacos';
import { type ChannelOptions, createChannel, type PodwireChannel } from 'podwire';
import type { Nacos } from '../servers/nacos.mjs';
import { get, type OrdersClient, ordersClient } from './orders-client.ts';

const VERSIONS = ['2.3', '3.1'] as const;
export type NacosVersion = (typeof VERSIONS)[number] | '1.4';
/** Which servers a test runs against: `PODWIRE_NACOS=2.3` is one of them. */
const { PODWIRE_NACOS: only } = process.env;
export const nacosVersions = VERSIONS.filter((version) => (only ?? version) === version);
/** Which of them, and Nacos 1.4, a test runs against that speaks HTTP alone. */
export const nacosHttpVersions: readonly NacosVersion[] = only === '1.4' ? [only] : nacosVersions;

/** Which of them a test runs against that costs too much to run on each. */
export const oneNacosVersion = nacosVersions[0] ?? '2.3';

let services = 0;
/** A service that no other test of this process uses. */
export const newService = () => `orders-${process.pid}-${++services}`;

/** What is closed after a test, last opened first. */
export class Cleanup {
  readonly #open: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#open.push(close);
  }

  async run(): Promise<void> {
    for (const close of this.#open.splice(0).reverse()) await close();
  }
}

/** A channel to a service in Nacos, and a generated client on it. */
export function discover(
  server: Pick<Nacos, 'address'>,
  target: string,
  cleanup: Cleanup,
  { registry, ...options }: ChannelOptions & { readonly registry?: Partial<NacosOptions> } = {},
): { readonly channel: PodwireChannel; readonly client: OrdersClient } {
  const found: Registry = nacos({ servers: [server.address], ...registry });
  const channel = createChannel(`nacos:///${target}`, { registries: [found], ...options });
  cleanup.add(() => channel.close({ graceMs: 0 }));
  return { channel, client: ordersClient(channel) };
}

/** What the server itself says it holds. */
export function viewOf({ url }: Pick<Nacos, 'url'>, version: NacosVersion) {
  const three = version === '3.1';
  const read = async (path: string): Promise<unknown> => {
    const reply = await fetch(url + path, { signal: AbortSignal.timeout(5_000) });
    return reply.json();
  };
  return {
    /** All instances of a service, enabled or not. */
    async instances(service: string) {
      const path = three
        ? `/v3/admin/ns/instance/list?serviceName=${service}&groupName=DEFAULT_GROUP`
        : `/v1/ns/catalog/instances?serviceName=${service}&clusterName=DEFAULT&pageSize=100&pageNo=1`;
      const answer = (await read(path)) as Record<'data' | 'list', ServerInstance[] | undefined>;
      const list = three ? answer.data : answer.list;
      // In words when nothing is there any more.
      return Array.isArray(list) ? list : [];
    },
    /** What one client is subscribed to. */
    async subscriptions(clientId: string) {
      const path = three ? '/v3/admin/ns/client/subscribe/list' : '/v2/ns/client/subscribe/list';
      const { data } = (await read(`${path}?clientId=${encodeURIComponent(clientId)}`)) as {
        data: { serviceName: string }[] | null;
      };
      return (data ?? []).map(({ serviceName }) => serviceName);
    },
    /** The ids of all clients: connections, and instances that came over HTTP. */
    async clients() {
      return ((await read(three ? '/v3/admin/ns/client/list' : '/v2/ns/client/list')) as { data: string[] })
        .data;
    },
  };
}

export interface ServerInstance {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly enabled: boolean;
  readonly healthy: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

const silent = { info() {}, warn() {}, error() {}, debug() {}, log() {} } as unknown as Console;

/** A client of the `nacos` package, which registers over HTTP and keeps its instances with heartbeats. */
export async function nacosPackage(
  server: Pick<Nacos, 'address'>,
  cleanup: Cleanup,
): Promise<NacosNamingClient> {
  const client = new NacosNamingClient({ logger: silent, serverList: server.address });
  await client.ready();
  cleanup.add(() => (client as unknown as { close(): Promise<void> }).close());
  return client;
}

type NacosInstance = Parameters<NacosNamingClient['registerInstance']>[1];

/** An instance as the `nacos` package takes it: its types want more than the package does. */
export const instance = (port: number, more: object = {}) =>
  ({ ip: '127.0.0.1', port, ...more }) as unknown as NacosInstance;

/** Calls one after another; how many each Pod answered. */
export async function callsByPod(
  client: OrdersClient,
  calls: number,
): Promise<Readonly<Record<string, number>>> {
  const byPod: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const { pod } = await get(client);
    byPod[pod] = (byPod[pod] ?? 0) + 1;
  }
  return byPod;
}

/** The ids of the Pods that a channel has, sorted. */
export const pods = (channel: PodwireChannel) =>
  channel
    .snapshot()
    .pods.map(({ id }) => id)
    .sort();
