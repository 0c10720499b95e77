import fc from 'fast-check';
import type { ServerScript } from './scripted-server.ts';

/**
 * How many random conversations a run has, half of them on bare connections and half through channels, and from where:
 * PODWIRE_DIFFERENTIAL=100000 PODWIRE_SEED=7 npx vitest run test/http2/differential
 */
export const CONVERSATIONS = Number(process.env.PODWIRE_DIFFERENTIAL ?? 400);
export const SEED = Number(process.env.PODWIRE_SEED ?? 20_240_101);
/** Conversations at the same time. */
export const LANES = 4;

/** fast-check's parameters for one of the halves; `PODWIRE_PATH` replays what a failure printed. */
export const parameters = {
  seed: SEED,
  numRuns: Math.ceil(CONVERSATIONS / 2 / LANES),
  ...(process.env.PODWIRE_PATH !== undefined && { path: process.env.PODWIRE_PATH }),
};

export const size: fc.Arbitrary<number> = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 16_000, max: 17_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 300_000 }) },
);
/** Values of headers; some are too long for a small table, or for a block of their own to be kept. */
export const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[!-~]([ -~]{0,80}[!-~])?$/) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6_000 }).map((length) => 'v'.repeat(length)) },
);

/** What a server may do; `more` endings besides those that leave the connection as it is. */
export const serverScripts = (...more: ServerScript['end'][]): fc.Arbitrary<ServerScript> =>
  fc.record({
    httpStatus: fc.constantFrom<ServerScript['httpStatus']>(200, 200, 200, 200, 404, 503),
    trailersOnly: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
    encoding: fc.constantFrom<ServerScript['encoding']>('identity', 'gzip', 'deflate'),
    messages: fc.array(fc.record({ bytes: size, compressed: fc.boolean() }), { maxLength: 5 }),
    pieceBytes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 50, max: 40_000 })),
    pace: fc.constantFrom<ServerScript['pace']>('at-once', 'after-request', 'echo'),
    end: fc.constantFrom<ServerScript['end']>(
      'trailers',
      'trailers',
      'trailers',
      'reset',
      'reset-at-once',
      'no-trailers',
      'truncated',
      'not-compressed',
      ...more,
    ),
    errorCode: fc.integer({ min: 1, max: 13 }),
    grpcStatus: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 17 })),
    grpcMessage: fc.constantFrom('', 'no such order', 'déjà vu \n%', '%'),
    metadata: fc.array(value, { maxLength: 3 }),
    binary: fc
      .array(fc.uint8Array({ maxLength: 40 }), { maxLength: 2 })
      .map((all) => all.map((one) => [...one])),
  });
