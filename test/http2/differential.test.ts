import {
  type Connection,
  nodeHttp2Transport,
  ownHttp2Transport,
  type StreamEnd,
  type Transport,
} from '@podwire/http2';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ScriptedServer, type ServerScript } from './scripted-server.ts';

/** Conversations to run: PODWIRE_DIFFERENTIAL=100000 npx vitest run test/http2/differential */
const RUNS = Number(process.env.PODWIRE_DIFFERENTIAL ?? 100);
const SEED = Number(process.env.PODWIRE_SEED ?? 20_240_101);

/** What the client does. */
interface ClientScript {
  readonly messages: readonly number[];
  /** Asks for the next message when one has come, or for all at once. */
  readonly oneByOne: boolean;
  /** Cancels behind the n-th message; -1 never. */
  readonly cancelAfter: number;
  readonly maxReceiveBytes: number;
  readonly headers: readonly string[];
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 16_000, max: 17_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 300_000 }) },
);
const value = fc.stringMatching(/^[!-~]([ -~]{0,80}[!-~])?$/);
const server: fc.Arbitrary<ServerScript> = fc.record({
  httpStatus: fc.constantFrom(200 as const, 200 as const, 200 as const, 404 as const, 503 as const),
  trailersOnly: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  encoding: fc.constantFrom('identity' as const, 'gzip' as const, 'deflate' as const),
  messages: fc.array(fc.record({ bytes: size, compressed: fc.boolean() }), { maxLength: 5 }),
  pieceBytes: fc.integer({ min: 50, max: 40_000 }),
  end: fc.constantFrom(
    'trailers' as const,
    'trailers' as const,
    'reset' as const,
    'no-trailers' as const,
    'truncated' as const,
  ),
  errorCode: fc.integer({ min: 1, max: 13 }),
  readFirst: fc.boolean(),
  metadata: fc.array(value, { maxLength: 3 }),
});
const client: fc.Arbitrary<ClientScript> = fc.record({
  messages: fc.array(size, { maxLength: 4 }),
  oneByOne: fc.boolean(),
  cancelAfter: fc.constantFrom(-1, -1, -1, 1, 2),
  maxReceiveBytes: fc.constantFrom(-1, 4 << 20, 1000),
  headers: fc
    .array(value, { maxLength: 3 })
    .map((values) => values.flatMap((text, i) => [`x-own-${i}`, text])),
});

let scripted: ScriptedServer;
const connections: Connection[] = [];
/** The connection that ended, and why: none may. */
let closed: string | undefined;
beforeAll(async () => {
  scripted = new ScriptedServer();
  await scripted.listen();
  for (const transport of [nodeHttp2Transport, ownHttp2Transport]) connections.push(await connect(transport));
});
afterAll(async () => {
  for (const connection of connections) connection.destroy('done');
  await scripted.close();
});

function connect(transport: Transport): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const options = {
      ...{ host: '127.0.0.1', port: scripted.port, tls: undefined, connectTimeoutMs: 3_000 },
      ...{
        keepaliveTimeMs: 0,
        keepaliveTimeoutMs: 1_000,
        keepaliveWithoutCalls: false,
        maxHeaderListBytes: 65_536,
      },
    };
    const connection = transport.connect(options, {
      onReady: () => resolve(connection),
      onDraining(reason) {
        closed ??= `${transport.name}: ${reason}`;
      },
      onRoom() {},
      onClosed(error) {
        closed ??= `${transport.name}: ${error?.message ?? 'closed in order'}`;
        reject(new Error(`no connection: ${closed}`));
      },
    });
  });
}

interface Outcome {
  headers: readonly string[] | undefined;
  messages: string[];
  end: StreamEnd;
}

const path = '/differential.Test/Talk';
const method = { path, authority: 'test', headers: ['te', 'trailers', 'content-type', 'application/grpc'] };

function converse(connection: Connection, asked: ClientScript, script: ServerScript): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const outcome: Omit<Outcome, 'end'> = { headers: undefined, messages: [] };
    const headers = [...asked.headers, 'x-script', JSON.stringify(script)];
    const stream = connection.open(
      { method, headers, maxReceiveBytes: asked.maxReceiveBytes },
      {
        onHeaders(received) {
          outcome.headers = withoutDate(received);
        },
        onMessage(message) {
          const { length } = message;
          outcome.messages.push(`${length} ${Buffer.from(message).toString('latin1', 0, 2)}`);
          if (outcome.messages.length === asked.cancelAfter) stream?.cancel(8);
          else if (asked.oneByOne) stream?.request(1);
        },
        onEnd: (end) =>
          resolve({
            ...outcome,
            end: end.kind === 'trailers' ? { ...end, headers: withoutDate(end.headers) } : end,
          }),
      },
    );
    if (stream === undefined) return reject(new Error(`no stream: ${closed ?? 'no room'}`));
    stream.request(asked.oneByOne ? 1 : 100);
    for (const [i, bytes] of asked.messages.entries()) {
      stream.sendMessage(Buffer.alloc(bytes, `c${i}`), false, i === asked.messages.length - 1, undefined);
    }
    if (asked.messages.length === 0) stream.halfClose();
  });
}

function withoutDate(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'date') kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}

/** What both must agree on. Where node:http2's server resets, how much of the reply comes before it is chance. Reasons are for people. */
function comparable({ headers, messages, end }: Outcome, script: ServerScript): unknown {
  if (script.end === 'reset' && !script.trailersOnly) return 'ended';
  const told = end.kind === 'protocol-error' ? { kind: end.kind } : end;
  return { headers, messages, end: told };
}

test(`${RUNS} random conversations come to the same on both transports`, {
  timeout: 30_000 + 200 * RUNS,
}, async () => {
  await fc.assert(
    fc.asyncProperty(client, server, async (asked, script) => {
      const [reference, own] = await Promise.all(
        connections.map((connection) => converse(connection, asked, script)),
      );
      expect(comparable(own!, script)).toEqual(comparable(reference!, script));
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(connections.map(({ openStreams }) => openStreams)).toEqual([0, 0]);
});
