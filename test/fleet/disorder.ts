import { Block, type MonitorFactory } from '@podwire/balancer';
import type { Clock } from '@podwire/core';
import type { FakePod } from '@podwire/http2/testing';
import { createRoute, createRouteTable } from '@podwire/routing';
import type { Observer } from '../../packages/client/src/observe/observer.ts';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';

/** Random choices of one history, the same for the same seed. */
export class Chance {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** True in so many of a hundred. */
  percent(share: number): boolean {
    return this.random() * 100 < share;
  }
}

/** How a Pod treats its calls, and how far away it is. */
export function behave(pod: FakePod, clock: Clock, chance: Chance): void {
  pod.latencyMs = chance.percent(30) ? chance.below(20) : 0;
  const ways = [
    () => pod.answer(Buffer.from('ok')),
    () => pod.answer(Buffer.from('ok')),
    () => pod.fail(14),
    // REFUSED_STREAM
    () => {
      pod.onCall = (call) => call.reset(7);
    },
    () => {
      pod.onCall = () => {};
    },
    () => {
      pod.onCall = (call) => {
        call.onHalfClose = () =>
          void clock.after(chance.below(200), () => {
            call.reply(Buffer.from('late'));
            clock.after(chance.below(50), () => call.end(0));
          });
      };
    },
  ];
  chance.one(ways)();
}

/** Three clusters of the same Pods, and calls that no route is for. */
export function disorderlyRoutes(monitors: readonly MonitorFactory[]) {
  const to = (exact: string) => ({ headers: [{ name: 'x-to', exact }] });
  const split = [
    { cluster: 'all', weight: 1 },
    { cluster: 'some', weight: 1 },
  ];
  const routes = createRouteTable<MethodConfig>([
    { match: to('one'), route: createRoute('one', 'one', {}) },
    { match: { headers: [{ name: 'x-to', present: false }] }, route: createRoute('split', split, {}) },
  ]);
  const accepts = ({ port }: { port: number }) => port < 4;
  return {
    routes,
    clusters: [{ name: 'all', monitors }, { name: 'some', monitors, accepts }, { name: 'one' }],
  };
}

/** Monitors that block and weigh Pods at every occasion, and what they were told that they must not be. */
export function meddlers(chance: Chance, clock: Clock) {
  const wrong: string[] = [];
  const calm: (() => void)[] = [];
  let isCalm = false;
  const factory: MonitorFactory = (control) => {
    type Watched = Parameters<typeof control.block>[0];
    const open = new Set<object>();
    let pods: readonly Watched[] = [];
    let isClosed = false;
    const release = () => {
      for (const pod of pods) {
        control.unblock(pod, Block.LIMITED);
        control.weigh(pod, 1);
      }
    };
    calm.push(release);
    const meddle = () => {
      if (isClosed) wrong.push('a monitor was told something after it was closed');
      if (pods.length === 0 || isCalm) return;
      const pod = chance.one(pods);
      const deeds = [
        () => control.block(pod, Block.LIMITED),
        () => control.unblock(pod, Block.LIMITED),
        () => control.weigh(pod, chance.below(3)),
      ];
      chance.one(deeds)();
      control.tickAt(clock.nowMs() + 50);
    };
    return {
      name: 'meddler',
      onPods(now) {
        pods = [...now];
        meddle();
      },
      onReady: meddle,
      onAttemptStart(attempt) {
        open.add(attempt);
        meddle();
      },
      onAttemptEnd(attempt) {
        if (!open.delete(attempt)) wrong.push('an attempt ended that had not begun, or twice');
        meddle();
      },
      tick() {
        release();
        return undefined;
      },
      close() {
        isClosed = true;
      },
    };
  };
  return {
    factory,
    wrong,
    calm() {
      isCalm = true;
      for (const release of calm) release();
    },
  };
}

/** An observer that counts what is open, and notes what ends twice, and what is sent twice where no hedges are allowed. */
export function bookkeeper(hasHedges: boolean) {
  const open = { calls: 0, attempts: 0 };
  const wrong: string[] = [];
  const ending = (what: keyof typeof open) => {
    let isOver = false;
    open[what] += 1;
    return () => {
      if (isOver) wrong.push(`one of the ${what} ended twice`);
      isOver = true;
      open[what] -= 1;
    };
  };
  const observer: Observer = {
    onCall: () => ({
      onEnd: ending('calls'),
      onAttempt({ isHedge }) {
        if (isHedge && !hasHedges) wrong.push('a call was sent while it had an attempt');
        return { onEnd: ending('attempts') };
      },
    }),
  };
  return { observer, open, wrong };
}
