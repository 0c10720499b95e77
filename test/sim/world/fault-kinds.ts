/** Everything that can go wrong. A seed draws a subset. */
export const FAULTS = [
  // Of a Pod's process.
  'kill',
  'power-off',
  'freeze',
  'hang',
  'slow',
  'fail-all',
  'fail-some',
  'fail-busy',
  'reset-calls',
  'refuse-calls',
  'answer-as-proxy',
  'accept-and-close',
  'accept-silently',
  'goaway',
  'few-streams',
  'move',
  // Of a Pod's network.
  'cut',
  'cut-there',
  'cut-back',
  'delay',
  'jitter',
  'narrow',
  'lose-syn',
  'reset-connections',
  // Of several Pods at once.
  'kill-all',
  'fail-everywhere',
  'cut-all',
  // Of our own process.
  'stall',
  'stalls',
  'wall-step',
  // Of the registry.
  'registry-down',
  'registry-says-nothing',
  'registry-halves',
  'registry-names-the-dead',
  'registry-misses-the-service',
  'registry-talks-nonsense',
  'registry-reorders',
  'registry-flaps',
  'registry-is-stale',
  'registry-is-late',
  // What happens in every week.
  'roll',
  'add',
  'leave',
  'lame-duck',
  'reweigh',
  // Of the callers.
  'burst',
  'cancel-burst',
  'mode-switch',
] as const;

/** `fail-evenly` is every Pod failing the same share of its calls: a fault of none of them. */
export type FaultKind = (typeof FAULTS)[number] | 'fail-evenly';
