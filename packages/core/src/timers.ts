/**
 * Node's timers, taken once when this module loads. Tests replace the global ones ("fake timers"). A socket, a retry or a list
 * of writers that waits for a fake timer would wait for ever, even after the test is over. No other file uses the
 * globals: `test/workspace.test.ts` holds that.
 */
import { Socket } from 'node:net';
import type { MessageChannel } from 'node:worker_threads';

/** Kept in variables: an imported name may be looked up again at each use (in CommonJS it is), and sinon replaces the module's exports. */
const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } =
  process.getBuiltinModule('node:timers');

/** A timer that runs and can be cancelled. */
interface Timer {
  cancel(): void;
}

/** Keeps the process alive until `unref` or `close`. */
export interface Hold {
  /** Keeps the process alive again. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
  /** Leaves nothing behind. */
  close(): void;
}

/** Real time, whatever a test makes of the globals. */
export interface Timers {
  /** Milliseconds on a clock that never runs backwards; only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Calls `fn` once after `delayMs`, never before, even if the delay is longer than Node's timers allow. It does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer;
  /** Calls `fn` in the check phase of the event loop: after the sockets that are readable now were read. */
  setImmediate(fn: () => void): void;
  /** Calls `fn` once the code that runs now has returned. */
  nextTick(fn: () => void): void;
  /** Calls `fn` soon, by means that no library replaces; slower than `setImmediate`. */
  soon(fn: () => void): void;
  /** Whether `process.nextTick` is faked now, which stops Node itself: a new socket would not even emit `connect`. */
  readonly isNodeStill: boolean;
  /** Keeps the process alive from now on. */
  hold(): Hold;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fffffff;

/** Fakes of @sinonjs/fake-timers (in vitest, Jest and sinon) have a property `clock`, those of node:test are bound, and old Jest's are mocks. */
function isFake(fn: { readonly name: string }): boolean {
  return 'clock' in fn || 'isMock' in fn || '_isMockFunction' in fn || fn.name.startsWith('bound ');
}

/** For a module that is loaded under fake timers: substitutes for what is faked, made of parts that no library fakes. */
const fake = {
  timers: isFake(setTimeout) || isFake(setImmediate) || isFake(setInterval),
  nextTick: isFake(process.nextTick),
  date: isFake(Date),
};

const { nextTick } = process;
const { now: wallMs } = Date;
const SETTLED = Promise.resolve();

let ports: MessageChannel | undefined;
const messages: (() => void)[] = [];

/** Loaded when it is needed, because Node needs more time for it than for all of podwire. */
function messageChannel(): MessageChannel {
  const { MessageChannel } = process.getBuiltinModule('node:worker_threads');
  return new MessageChannel();
}

/** A message to ourselves. */
function soon(fn: () => void): void {
  if (ports === undefined) {
    ports = messageChannel();
    ports.port1.on('message', () => {
      if (messages.length === 1) ports!.port1.unref();
      messages.shift()?.();
    });
  }
  messages.push(fn);
  ports.port1.ref();
  ports.port2.postMessage(0);
}

/** A socket that is never connected, and reports that nothing happens on it. */
function socketTimer(fn: () => void, delayMs: number): () => void {
  const socket = new Socket().setTimeout(Math.max(delayMs, 1), () => {
    socket.setTimeout(0);
    fn();
  });
  return () => socket.setTimeout(0);
}

function nodeTimer(fn: () => void, delayMs: number): NodeJS.Timeout {
  return setTimeout(fn, delayMs).unref();
}

/** Node loads `performance` on first use, which takes a tenth of podwire's own loading time. Fakes hide the inherited method. */
let nowMs = (): number => {
  const { performance } = process.getBuiltinModule('node:perf_hooks');
  const inherited: (typeof performance)['now'] | undefined = Object.getPrototypeOf(performance).now;
  // In Bun the method is the object's own.
  nowMs = (inherited ?? performance.now).bind(performance);
  return nowMs();
};

function after(delayMs: number, fn: () => void): Timer {
  const dueMs = nowMs() + delayMs;
  let timer: NodeJS.Timeout | (() => void);
  const arm = (leftMs: number) => {
    const ms = Math.min(Math.max(Math.ceil(leftMs), 0), MAX_TIMER_MS);
    timer = fake.timers ? socketTimer(fire, ms) : nodeTimer(fire, ms);
  };
  // Node counts whole milliseconds, and fires up to one of them too soon.
  const fire = () => {
    const leftMs = dueMs - nowMs();
    if (leftMs > 0) arm(leftMs);
    else fn();
  };
  arm(delayMs);
  return { cancel: () => (typeof timer === 'function' ? timer() : clearTimeout(timer)) };
}

function hold(): Hold {
  if (!fake.timers) {
    const timer = setInterval(() => {}, MAX_TIMER_MS);
    return { ref: () => timer.ref(), unref: () => timer.unref(), close: () => clearInterval(timer) };
  }
  const { port1 } = messageChannel();
  return port1.on('message', () => {});
}

/** Real time. */
export const timers: Timers = {
  nowMs: () => nowMs(),
  wallMs: fake.date ? () => new File([], 'now').lastModified : wallMs,
  after,
  setImmediate: fake.timers ? soon : (fn) => void setImmediate(fn),
  nextTick: fake.nextTick ? (fn) => void SETTLED.then(fn) : nextTick,
  soon,
  get isNodeStill() {
    return isFake(process.nextTick);
  },
  hold,
};
