// Hedging, which hides a hung Pod from callers and must not hide it from the client.
import { A, vary } from '../loads.mjs';
import { attemptsPerCall, failed, visible } from '../measures.mjs';
import { atMost } from '../promise.mjs';

const hedgingPolicy = { maxAttempts: 3, hedgingDelay: '0.02s', nonFatalStatusCodes: [] };
const HEDGED = vary(A, 'A', { serviceConfig: { methodConfig: [{ name: [{}], hedgingPolicy }] } });

export const hedged = [
  {
    id: 'E6',
    fault: 'hedgingDelay 20 ms, and one Pod hangs',
    loads: [HEDGED],
    faultMs: [4_000, 20_000],
    afterMs: 500,
    begin: ({ bad }) => bad.rules({ '*': { hang: true } }),
    end: ({ bad }) => bad.rules({}),
    promises: [
      atMost('failed', failed, { A: 0 }),
      atMost('out', visible(/ejected/i), { A: 2 }, ' s'),
      // A fifth of the calls and a little, however many would be hedged.
      atMost('attempts a call', attemptsPerCall('fault', 'healed'), { A: 1.25 }),
    ],
  },
];
