import type { Socket } from 'node:net';
import {
  type Clock,
  type StallMeter,
  stallsOf,
  systemClock,
  type Time,
  type Timers,
  timers,
} from '@podwire/core';
import type { ConnectionOptions } from '../transport.ts';

/** The world of connections: time, the event loop and sockets. There is a real one, and tests have virtual ones. */
export interface ConnectionEnv {
  /** For time limits, keepalive and limits per second. */
  readonly clock: Clock;
  /** Runs `fn` after the sockets that are readable now have been read: the event loop's check phase. */
  afterPoll(fn: () => void): void;
  /** Runs `fn` once the code that runs now has returned. Default: `process.nextTick`. */
  nextTick?(fn: () => void): void;
  /** Runs `fn` soon where `afterPoll` seems to be lost, as under fake timers. Default: `afterPoll`. */
  soon?(fn: () => void): void;
  /**
   * Makes the socket of a connection, in the place of node:net and node:tls. It must emit `connect` later, and `secureConnect` where the
   * options have `tls`. Default: a real socket.
   */
  connect?(options: ConnectionOptions): Socket;
}

/** The real clock, event loop and network. */
export const systemConnectionEnv: ConnectionEnv = {
  clock: systemClock,
  afterPoll: timers.setImmediate,
  nextTick: timers.nextTick,
  soon: timers.soon,
};

/** A {@link ConnectionEnv} as the code of connections calls it: functions that need no receiver, on objects of one shape. */
export class World implements Time {
  readonly nowMs: () => number;
  readonly after: Timers['after'];
  readonly setImmediate: (fn: () => void) => void;
  readonly nextTick: (fn: () => void) => void;
  readonly soon: (fn: () => void) => void;
  readonly stalls: StallMeter;

  constructor(env: ConnectionEnv) {
    const { clock } = env;
    this.stalls = stallsOf(clock);
    const isReal = clock === systemClock;
    this.nowMs = isReal ? timers.nowMs : () => clock.nowMs();
    this.after = isReal ? timers.after : (delayMs, fn) => clock.after(delayMs, fn);
    this.setImmediate = (fn) => env.afterPoll(fn);
    this.nextTick = env.nextTick === undefined ? timers.nextTick : (fn) => env.nextTick?.(fn);
    this.soon = env.soon === undefined ? this.setImmediate : (fn) => env.soon?.(fn);
  }
}

const worlds = new WeakMap<ConnectionEnv, World>();

/** The world of an env. All connections of the env share it, so that they are flushed together. */
export function worldOf(env: ConnectionEnv = systemConnectionEnv): World {
  let world = worlds.get(env);
  if (world === undefined) {
    world = new World(env);
    worlds.set(env, world);
  }
  return world;
}
