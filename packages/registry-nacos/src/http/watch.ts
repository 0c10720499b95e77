import { pause, unlessAborted, WakeFlag } from '@podwire/core';
import type { RegistryUpdate, RegistryWatchOptions } from '@podwire/registry';
import type { ServiceInfo } from '../naming/naming.ts';
import { isIPv4 } from '../node-net.ts';
import type { Settings } from '../options.ts';
import type { ServiceRef } from '../service-ref.ts';
import { toUpdate } from '../watch.ts';
import type { NamingApi } from './naming-api.ts';
import { Newest } from './newest.ts';
import { openPushPort, type PushPort } from './push-port.ts';

/** How often to ask for the list without a push. Each request also renews this client's entry in Nacos's list of push targets for 10 s. */
const POLL_MS = 5_000;
/** The same while the last list was out of date. */
const DOUBT_MS = 1_000;
/** The least time between requests, however often pushes come. */
const LEAST_GAP_MS = 100;

/**
 * Tells all changes of one service until the signal aborts: asks for the list every 5 s, and when Nacos pushes or a Pod stops
 * answering. Throws when no server answers.
 */
export async function* watchOverHttp(
  api: NamingApi,
  ref: ServiceRef,
  settings: Settings,
  { signal, onRecheck }: RegistryWatchOptions,
): AsyncGenerator<RegistryUpdate> {
  const { clock } = settings;
  const services = serviceNames(ref).map((name) => ({ ref: { ...ref, name }, newest: new Newest() }));
  const wake = new WakeFlag();
  const ring = () => wake.raise();
  onRecheck?.(ring);
  // Without UDP, polling alone has to do.
  const port: PushPort | undefined = await openPushPort(ring).catch(() => undefined);
  let ip: string | undefined;
  let told: string | undefined;
  const look = async () => {
    const isSubscribed = ip !== undefined;
    const push = port === undefined || ip === undefined ? undefined : { ip, port: port.port };
    const infos = new Map<string, ServiceInfo>();
    for (const { ref, newest } of services) {
      const { info, localAddress } = await api.list(ref, push);
      ip ??= ipv4Of(localAddress);
      infos.set(ref.name, newest.accept(info));
    }
    // By now this process's address is known, and thereby where Nacos can push to.
    if (!isSubscribed && ip !== undefined && port !== undefined) ring();
    return infos;
  };
  try {
    while (!signal.aborted) {
      const infos = await unlessAborted(look(), signal);
      if (infos === undefined || signal.aborted) return;
      const says = JSON.stringify([...infos.values()].map(({ hosts }) => hosts));
      if (says !== told) yield toUpdate(infos, ref, settings);
      told = says;
      await pause(clock, LEAST_GAP_MS, signal);
      if (signal.aborted) return;
      const isDoubtful = services.some(({ newest }) => newest.isDoubtful);
      await wake.wait(clock, isDoubtful ? DOUBT_MS : POLL_MS, signal);
    }
  } finally {
    port?.close();
  }
}

/** The Nacos services that are watched. */
function serviceNames({ name, dubbo }: ServiceRef): readonly string[] {
  return dubbo?.mode === 'application' ? dubbo.applications : [name];
}

/** Nacos pushes only to IPv4 addresses. */
function ipv4Of(address: string | undefined): string | undefined {
  const ip = address?.replace(/^::ffff:/, '');
  return ip !== undefined && isIPv4(ip) ? ip : undefined;
}
