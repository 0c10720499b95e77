import type { SimPod } from '../server/sim-pod.ts';
import type { Failure } from '../server/sim-process.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { Fault } from './plan.ts';
import type { Lie } from './sim-registry.ts';
import type { World } from './world.ts';

/** Makes something go wrong; returns what heals it, if anything must. */
type Begin = (world: World, pod: SimPod, fault: Fault) => (() => void) | undefined;

/** A Pod whose process changes, and changes back if it is still the same process. */
function process(change: (pod: SimPod) => void, back: (pod: SimPod) => void): Begin {
  return (_world, pod) => {
    const { process: one } = pod;
    if (one === undefined) return undefined;
    change(pod);
    return () => {
      if (pod.process === one) back(pod);
    };
  };
}

function failing(percent: (degree: number) => number, failure: (degree: number) => Failure): Begin {
  return (world, pod, fault) => {
    const begin = process(
      ({ process: one }) => {
        one!.failPercent = percent(fault.degree);
        one!.failure = failure(fault.degree);
      },
      ({ process: one }) => {
        one!.failPercent = 0;
      },
    );
    return begin(world, pod, fault);
  };
}

/** gRPC codes with which Pods fail: UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const CODES = [2, 13, 14, 15];
const anyCode = (degree: number): Failure => ({ way: 'code', code: CODES[Math.floor(degree * 3.99)]! });

function link(change: (pod: SimPod, fault: Fault) => void, back: (pod: SimPod) => void): Begin {
  return (_world, pod, fault) => {
    change(pod, fault);
    return () => back(pod);
  };
}

const cutting = (there: boolean, back: boolean): Begin =>
  link(
    ({ link: { there: to, back: from } }) => {
      if (there) to.cut();
      if (back) from.cut();
    },
    ({ link: { there: to, back: from } }) => {
      if (there) to.heal();
      if (back) from.heal();
    },
  );

function lying(lie: Lie): Begin {
  return ({ registry }) => {
    registry.lie = lie;
    registry.tell();
    return () => {
      registry.lie = 'none';
      registry.tell();
    };
  };
}

function everywhere(begin: Begin): Begin {
  return (world, _pod, fault) => {
    const heals = world.pods.map((pod) => begin(world, pod, fault));
    return () => {
      for (const heal of heals) heal?.();
    };
  };
}

const kill: Begin = (_world, pod) => {
  pod.kill();
  return () => pod.start();
};

export const BEGINS: Readonly<Record<FaultKind, Begin>> = {
  kill,
  'power-off': (_world, pod) => {
    pod.powerOff();
    return () => pod.start();
  },
  freeze: process(
    (pod) => pod.process!.freeze(),
    (pod) => pod.process!.thaw(),
  ),
  hang: process(
    (pod) => pod.process!.hang(),
    (pod) => pod.process!.recover(),
  ),
  slow: (world, pod, fault) =>
    process(
      (one) => {
        one.process!.slowness = 2 + fault.degree * 60;
      },
      (one) => {
        one.process!.slowness = 1;
      },
    )(world, pod, fault),
  'fail-all': failing(() => 100, anyCode),
  'fail-some': failing((degree) => 5 + degree * 60, anyCode),
  'fail-busy': failing(
    () => 70,
    (degree) =>
      degree < 0.5
        ? { way: 'code', code: 8 }
        : { way: 'code', code: 14, pushbackMs: Math.round(degree * 1_000) },
  ),
  'reset-calls': failing(
    (degree) => 20 + degree * 80,
    () => ({ way: 'reset' }),
  ),
  'refuse-calls': failing(
    (degree) => 20 + degree * 80,
    () => ({ way: 'refuse' }),
  ),
  'answer-as-proxy': failing(
    (degree) => 20 + degree * 80,
    () => ({ way: 'proxy' }),
  ),
  'accept-and-close': (_world, pod) => {
    pod.closesAtOnce = true;
    pod.process?.goAway();
    return () => {
      pod.closesAtOnce = false;
    };
  },
  'accept-silently': (_world, pod) => {
    const before = pod.process;
    if (before === undefined) return undefined;
    pod.kill();
    pod.start();
    const silent = pod.process!;
    silent.isSilent = true;
    return () => {
      if (pod.process !== silent) return;
      pod.kill();
      pod.start();
    };
  },
  goaway: (_world, pod) => {
    pod.process?.goAway();
    return undefined;
  },
  'few-streams': (world, pod, fault) =>
    process(
      (one) => one.process!.limitStreams(Math.floor(fault.degree * 4)),
      (one) => one.process!.limitStreams(one.kind.maxStreams),
    )(world, pod, fault),
  /** Its address goes to another Pod at once: what was there is gone. */
  move: (_world, pod) => {
    pod.powerOff();
    pod.start();
    return undefined;
  },
  cut: cutting(true, true),
  'cut-there': cutting(true, false),
  'cut-back': cutting(false, true),
  delay: (_world, pod, fault) => {
    const { there, back } = pod.link;
    const before = there.latencyMs;
    there.latencyMs = back.latencyMs = before + 10 + fault.degree * 300;
    return () => {
      there.latencyMs = back.latencyMs = before;
    };
  },
  jitter: link(
    (pod, { degree }) => {
      pod.link.there.jitterMs = pod.link.back.jitterMs = 5 + degree * 100;
    },
    (pod) => {
      pod.link.there.jitterMs = pod.link.back.jitterMs = 0;
    },
  ),
  narrow: link(
    (pod, { degree }) => {
      pod.link.there.bytesPerMs = pod.link.back.bytesPerMs = 1 + degree * 20;
    },
    (pod) => {
      pod.link.there.bytesPerMs = pod.link.back.bytesPerMs = Number.POSITIVE_INFINITY;
    },
  ),
  'lose-syn': link(
    (pod, { degree }) => {
      pod.link.there.lostSynPercent = 30 + degree * 70;
    },
    (pod) => {
      pod.link.there.lostSynPercent = 0;
    },
  ),
  'reset-connections': (_world, pod) => {
    for (const connection of [...(pod.process?.connections ?? [])]) connection.reset();
    return undefined;
  },
  'kill-all': everywhere(kill),
  'fail-everywhere': everywhere(failing(() => 100, anyCode)),
  'fail-evenly': everywhere(
    failing(
      (degree) => degree * 100,
      () => ({ way: 'code', code: 14 }),
    ),
  ),
  'cut-all': everywhere(cutting(true, true)),
  stall: (world, _pod, { degree }) => {
    world.stall(20 + degree * 3_000);
    return undefined;
  },
  stalls: (world, _pod, { degree, forMs }) => {
    const endMs = world.engine.nowMs() + forMs;
    const again = () => {
      if (world.engine.nowMs() >= endMs) return;
      world.stall(20 + degree * 80);
      world.engine.after(100, again);
    };
    again();
    return undefined;
  },
  'wall-step': (world, _pod, { degree }) => {
    world.engine.stepWall((degree - 0.5) * 36_000_000);
    return undefined;
  },
  'registry-down': ({ registry }) => {
    registry.isDown = true;
    registry.tell();
    return () => {
      registry.isDown = false;
      registry.tell();
    };
  },
  'registry-says-nothing': lying('nothing'),
  'registry-halves': lying('half'),
  'registry-names-the-dead': lying('dead-addresses'),
  'registry-misses-the-service': lying('missing'),
  'registry-talks-nonsense': lying('unusable'),
  'registry-reorders': lying('shuffled'),
  'registry-is-stale': lying('stale'),
  'registry-flaps': (world, pod, { forMs }) => {
    const endMs = world.engine.nowMs() + forMs;
    const { registry } = world;
    const flap = (isListed: boolean) => {
      if (world.engine.nowMs() >= endMs) return;
      if (isListed) world.unlist(pod);
      else world.list(pod);
      world.engine.after(100, () => flap(!isListed));
    };
    if (!registry.has(pod.id)) return undefined;
    flap(true);
    return () => world.list(pod);
  },
  'registry-is-late': ({ registry }, _pod, { degree }) => {
    registry.lateMs = degree * 5_000;
    return () => {
      registry.lateMs = 0;
    };
  },
  roll: (world, pod) => {
    world.replace(pod);
    return undefined;
  },
  add: (world) => {
    world.add();
    return undefined;
  },
  leave: (world, pod) => {
    if (world.pods.length > 1) world.retire(pod);
    return undefined;
  },
  'lame-duck': (world, pod) => {
    if (!world.registry.has(pod.id)) return undefined;
    world.list(pod, { phase: 'draining' });
    world.engine.after(500, () => pod.process?.goAway());
    return () => world.list(pod);
  },
  reweigh: (world, pod, { degree }) => {
    if (!world.registry.has(pod.id)) return undefined;
    world.list(pod, { weight: Math.floor(degree * 4) });
    return () => world.list(pod);
  },
  burst: (world, _pod, { degree }) => {
    world.burst(Math.round(20 + degree * 400), false);
    return undefined;
  },
  'cancel-burst': (world, _pod, { degree }) => {
    world.burst(Math.round(20 + degree * 1_500), true);
    return undefined;
  },
  'mode-switch': (world) => {
    world.setMode('mesh');
    return () => world.setMode('direct');
  },
};
