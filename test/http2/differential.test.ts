import type { Settings } from 'node:http2';
import {
  type Connection,
  closeText,
  nodeHttp2Transport,
  ownHttp2Transport,
  type StreamEnd,
  type Transport,
} from '@podwire/http2';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { connect } from './connect.ts';
import { CONVERSATIONS, LANES, parameters, serverScripts, size, value } from './conversations.ts';
import { ScriptedServer, type ServerScript } from './scripted-server.ts';

/** What the client does. */
interface ClientScript {
  readonly messages: readonly number[];
  /** Sends the next message when one has come, or all at once. */
  readonly inTurn: boolean;
  /** Asks for the next message when one has come, or for all at once. */
  readonly oneByOne: boolean;
  /** Cancels behind the n-th message, at once when 0; -1 never. */
  readonly cancelAfter: number;
  readonly maxReceiveBytes: number;
  readonly headers: readonly string[];
}

const clientScript: fc.Arbitrary<ClientScript> = fc.record({
  messages: fc.array(size, { maxLength: 4 }),
  inTurn: fc.boolean(),
  oneByOne: fc.boolean(),
  cancelAfter: fc.constantFrom(-1, -1, -1, -1, 0, 1, 2),
  maxReceiveBytes: fc.constantFrom(-1, 4 << 20, 1000),
  headers: fc
    .array(value, { maxLength: 3 })
    .map((values) => values.flatMap((text, i) => [`x-own-${i}`, text])),
});

/** Servers differ in what their SETTINGS ask for. */
const servers: [string, Settings, boolean][] = [
  ['a plain server', {}, false],
  ['padding, and small windows', { initialWindowSize: 3_000 }, true],
  [
    'no table, large frames',
    { headerTableSize: 0, maxFrameSize: 100_000, initialWindowSize: 1 << 20 },
    false,
  ],
];

let scripted: ScriptedServer;
let connections: Connection[] = [];
/** The connection that ended, and why. */
let closed: string | undefined;
afterEach(async () => {
  for (const connection of connections) connection.destroy('done');
  await scripted.close();
});

/** New connections: node:http2's server ends one after many resets. */
async function reconnect(): Promise<void> {
  for (const connection of connections) connection.drain();
  closed = undefined;
  connections = await Promise.all([nodeHttp2Transport, ownHttp2Transport].map(ready));
}

function ready(transport: Transport): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const options = { maxHeaderListBytes: 65_536 };
    const connection = connect(transport, scripted.port, options, {
      onReady: () => resolve(connection),
      onDraining(cause) {
        closed ??= `${transport.name}: ${closeText(cause)}`;
      },
      onClosed(cause) {
        closed ??= `${transport.name}: ${cause === undefined ? 'closed in order' : closeText(cause)}`;
        reject(new Error(`no connection: ${closed}`));
      },
    });
  });
}

interface Outcome {
  headers: readonly string[] | undefined;
  messages: string[];
  /** Of the stream, at each message and at the end. */
  receivedBytes: number[];
  sentBytes: number;
  end: StreamEnd;
}

const path = '/differential.Test/Talk';
const method = { path, authority: 'test', headers: ['te', 'trailers', 'content-type', 'application/grpc'] };

function converse(connection: Connection, asked: ClientScript, script: ServerScript): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const outcome: Omit<Outcome, 'end'> = {
      headers: undefined,
      messages: [],
      receivedBytes: [],
      sentBytes: 0,
    };
    const headers = [...asked.headers, 'x-script', encodeURIComponent(JSON.stringify(script))];
    const stuck = setTimeout(() => reject(new Error(`no end in 10 s: ${JSON.stringify(outcome)}`)), 10_000);
    let sent = 0;
    const send = () => {
      const bytes = asked.messages[sent]!;
      sent += 1;
      stream?.sendMessage(Buffer.alloc(bytes, `c${sent}`), false, sent === asked.messages.length, undefined);
    };
    const stream = connection.open(
      { method, headers, maxReceiveBytes: asked.maxReceiveBytes },
      {
        onHeaders(received) {
          outcome.headers = withoutDate(received);
        },
        onMessage(message) {
          const { length } = message;
          outcome.messages.push(`${length} ${Buffer.from(message).toString('latin1', 0, 2)}`);
          outcome.receivedBytes.push(stream!.receivedBytes);
          if (outcome.messages.length === asked.cancelAfter) return stream?.cancel(8);
          if (asked.inTurn && sent < asked.messages.length) send();
          if (asked.oneByOne) stream?.request(1);
        },
        onEnd(end) {
          clearTimeout(stuck);
          const told = end.kind === 'trailers' ? { ...end, headers: withoutDate(end.headers) } : end;
          outcome.receivedBytes.push(stream!.receivedBytes);
          // What is sent behind the server's end is chance.
          if (!asked.inTurn) outcome.sentBytes = stream!.sentBytes;
          resolve({ ...outcome, end: told });
        },
      },
    );
    if (stream === undefined) return reject(new Error(`no stream: ${closed ?? 'no room'}`));
    stream.request(asked.oneByOne ? 1 : 100);
    // Only a server that answers each message with another can be waited for.
    const answers = script.pace === 'echo' && script.httpStatus === 200 ? script.messages.length : 0;
    const turns = asked.inTurn && answers >= asked.messages.length;
    while (sent < (turns ? Math.min(1, asked.messages.length) : asked.messages.length)) send();
    if (asked.messages.length === 0) stream.halfClose();
    if (asked.cancelAfter === 0) stream.cancel(8);
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
function comparable(
  { headers, messages, receivedBytes, sentBytes, end }: Outcome,
  script: ServerScript,
): unknown {
  if (script.end === 'reset' && !script.trailersOnly) return 'ended';
  const told = end.kind === 'protocol-error' ? { kind: end.kind } : end;
  return { headers, messages, receivedBytes, sentBytes, end: told };
}

test.each(servers)(
  `random conversations come to the same on both transports: %s`,
  {
    timeout: 30_000 + 200 * CONVERSATIONS,
  },
  async (_name, settings, padded) => {
    scripted = new ScriptedServer(settings, padded);
    await scripted.listen();
    connections = [];
    await reconnect();
    const group = fc.array(fc.tuple(clientScript, serverScripts()), { minLength: LANES, maxLength: LANES });
    let served = 0;
    await fc.assert(
      fc.asyncProperty(group, async (scripts) => {
        served += 1;
        if (closed !== undefined || served % 100 === 0) await reconnect();
        const outcomes = await Promise.all(
          connections.map((one) =>
            Promise.all(scripts.map(([asked, script]) => converse(one, asked, script))),
          ),
        );
        const [reference, own] = outcomes.map((all) => all.map((one, i) => comparable(one, scripts[i]![1])));
        expect(own).toEqual(reference);
        expect(connections.map(({ openStreams }) => openStreams)).toEqual([0, 0]);
      }),
      { ...parameters, numRuns: Math.ceil(parameters.numRuns / servers.length) },
    );
  },
);
