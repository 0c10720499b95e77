import { createPolicy, selectSubset } from '@podwire/balancer';
import { ACCEPT_ENCODING } from '@podwire/http2';
import {
  type Endpoint,
  type EndpointSet,
  type OpenedTarget,
  parseAddress,
  type ServiceWatch,
  toEndpoint,
  type WatchStatus,
  watchService,
} from '@podwire/registry';
import type { Env } from '../env.ts';
import type { Settings } from '../options/settings.ts';
import { ConnectGate } from '../pod/connect-gate.ts';
import { PingTime } from '../pod/ping-time.ts';
import type { ClientPod } from '../pod/pod.ts';
import { Side, type SideOptions } from './cluster.ts';
import { defaultAuthority } from './names.ts';
import { ZoneFinder } from './zone-finder.ts';

/** What a channel is told by its sides. */
export interface SideListener {
  onChange(side: Side): void;
  onRoom(side: Side): void;
  onPod(pod: ClientPod): void;
  onSet(set: EndpointSet): void;
  onRegistry(status: WatchStatus): void;
}

/** A side with what feeds it. */
export interface OpenSide {
  readonly side: Side;
  readonly watch: ServiceWatch | undefined;
}

/** The Pods of the target's registry, balanced by the policy. */
export function openDirect(
  target: OpenedTarget,
  service: string,
  settings: Settings,
  env: Env,
  listener: SideListener,
): OpenSide {
  const authority = settings.authority ?? defaultAuthority(target, service);
  const { clock, random } = env;
  const { zone } = settings;
  const options = sideOptions('direct', service, authority, settings, env, listener);
  const side = new Side(zone === undefined ? options : { ...options, zone: () => zone.name });
  const finder = zone && new ZoneFinder(zone, target.registry, target.service, env, () => side.refresh());
  const watch = watchService(
    target.registry,
    target.service,
    {
      clock,
      random,
      holdMs: settings.holdMs,
      snapshotKey: target.target.text,
      ...(settings.snapshotDir !== undefined && { snapshotDir: settings.snapshotDir }),
      isAlive: (id) => side.pods.get(id)?.state === 'ready',
    },
    {
      onSet: (set) => {
        finder?.onSet(set.endpoints);
        side.update(subset(set.endpoints, settings));
        listener.onSet(set);
      },
      onStatus: (status) => listener.onRegistry(status),
    },
  );
  return { side, watch: finder === undefined ? watch : closingBoth(watch, finder) };
}

function closingBoth(watch: ServiceWatch, finder: ZoneFinder): ServiceWatch {
  return {
    get set() {
      return watch.set;
    },
    get status() {
      return watch.status;
    },
    recheck: () => watch.recheck(),
    close() {
      finder.close();
      watch.close();
    },
  };
}

/** One address that balances for us. */
export function openMesh(service: string, settings: Settings, env: Env, listener: SideListener): OpenSide {
  const address = settings.meshAddress!;
  const single = { ...settings, policy: createPolicy('pick_first') };
  const side = new Side(sideOptions('mesh', service, settings.authority ?? address, single, env, listener));
  side.update([toEndpoint({ address, attributes: settings.meshHeaders })]);
  return { side, watch: undefined };
}

function subset(endpoints: readonly Endpoint[], settings: Settings): readonly Endpoint[] {
  return settings.subset === undefined ? endpoints : selectSubset(endpoints, settings.subset);
}

function sideOptions(
  mode: 'direct' | 'mesh',
  service: string,
  authority: string,
  settings: Settings,
  env: Env,
  listener: SideListener,
): SideOptions {
  const { connectTimeoutMs, keepalive, tls, transport, backoff, maxConnectionsPerPod, drainMs, policy } =
    settings;
  const serverName = hostOf(authority);
  const pings = new PingTime(service, keepalive.timeMs);
  return {
    mode,
    env,
    policy,
    authority,
    drainMs,
    commonHeaders: [
      'te',
      'trailers',
      'content-type',
      'application/grpc',
      'user-agent',
      settings.userAgent,
      'grpc-accept-encoding',
      ACCEPT_ENCODING,
    ],
    shared: {
      env,
      transport,
      pings,
      backoff,
      maxConnectionsPerPod,
      gate: new ConnectGate(env.clock, settings.maxConnecting, settings.maxConnectsPerSecond),
      connectionOptions: ({ host, port, path }) => ({
        host,
        port,
        path,
        tls: tls?.options(serverName),
        connectTimeoutMs,
        keepaliveTimeMs: pings.timeMs,
        keepaliveTimeoutMs: keepalive.timeoutMs,
        keepaliveWithoutCalls: keepalive.withoutCalls,
        keepaliveSparing: keepalive.sparing,
        maxHeaderListBytes: settings.maxHeaderBytes,
        env,
      }),
    },
    onChange: (side) => listener.onChange(side),
    onRoom: (side) => listener.onRoom(side),
    onPod: (pod) => listener.onPod(pod),
  };
}

function hostOf(authority: string): string {
  try {
    return parseAddress(authority, 'authority').host;
  } catch {
    return authority;
  }
}
