import { Duplex, Readable, Writable } from 'node:stream';
import { Client, credentials, Metadata, type MetadataValue, type StatusObject } from '@grpc/grpc-js';
import fc from 'fast-check';
import { createChannel, type PodwireChannel } from 'podwire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONVERSATIONS, LANES, parameters, serverScripts, size, value } from './conversations.ts';
import { ScriptedServer, type ServerScript } from './scripted-server.ts';

const KINDS = ['unary', 'client stream', 'server stream', 'bidirectional'] as const;
const ENCODINGS = ['identity', 'gzip', 'deflate'] as const;

/** What the caller does. */
interface CallScript {
  readonly kind: (typeof KINDS)[number];
  readonly messages: readonly number[];
  /** Index into the channels. */
  readonly compression: (typeof ENCODINGS)[number];
  /** Cancels behind the n-th message, at once when 0; -1 never. */
  readonly cancelAfter: number;
  readonly deadline: 'none' | 'far' | 'passed';
  readonly text: readonly string[];
  readonly binary: readonly (readonly number[])[];
}

const callScript: fc.Arbitrary<CallScript> = fc.record({
  kind: fc.constantFrom(...KINDS),
  messages: fc.array(size, { minLength: 1, maxLength: 4 }),
  compression: fc.constantFrom(...ENCODINGS),
  cancelAfter: fc.constantFrom(-1, -1, -1, -1, 0, 1, 2),
  deadline: fc.constantFrom('none', 'none', 'far', 'far', 'passed'),
  text: fc.array(value, { maxLength: 3 }),
  binary: fc
    .array(fc.uint8Array({ maxLength: 40 }), { maxLength: 2 })
    .map((all) => all.map((one) => [...one])),
});

const DEADLINE_MS = { none: undefined, far: 20_000, passed: -1 };
/** For servers that never end; nothing else is still under way by then. */
const HANG_MS = 60;
const PATH = '/differential.Test/Talk';
const same = (bytes: Buffer) => bytes;

let scripted: ScriptedServer;
type Lane = Record<CallScript['compression'], PodwireChannel>;
let lanes: [reference: Lane, own: Lane][];
beforeAll(async () => {
  scripted = new ScriptedServer();
  await scripted.listen();
  const open = (transport: 'node-http2' | 'http2') => (compression: CallScript['compression']) =>
    createChannel(`static:///127.0.0.1:${scripted.port}`, {
      transport,
      compression,
      maxReceiveBytes: 200_000,
      backoff: { initialMs: 5, maxMs: 20 },
    });
  const lane = (transport: 'node-http2' | 'http2'): Lane => {
    const channel = open(transport);
    return { identity: channel('identity'), gzip: channel('gzip'), deflate: channel('deflate') };
  };
  lanes = Array.from({ length: LANES }, () => [lane('node-http2'), lane('http2')]);
});
afterAll(async () => {
  const channels = lanes.flat().flatMap((lane) => Object.values(lane));
  await Promise.all(channels.map((channel) => channel.close({ graceMs: 0 })));
  await scripted.close();
});

/** What ends a call without its server's word for it. */
const ENDLESS: ReadonlySet<ServerScript['end']> = new Set(['hang', 'hang-up', 'goaway-error']);

/** Takes out of a conversation what would make its outcome, or that of the next one, a matter of chance. */
function settled(asked: CallScript, script: ServerScript): [CallScript, ServerScript] {
  // Only by losing its connection, or by its deadline, may the call end: else a reply may be too late, or the next call begins
  // on a connection that is about to be lost.
  const streams = asked.kind === 'server stream' || asked.kind === 'bidirectional';
  if (ENDLESS.has(script.end)) {
    const all = script.messages.map((one) => ({ ...one, bytes: one.bytes % 1_000 }));
    const messages = streams ? all : all.slice(0, 1);
    const endless = { ...script, httpStatus: 200 as const, trailersOnly: false, messages };
    return [{ ...asked, cancelAfter: -1, deadline: 'none' }, endless];
  }
  // grpc-js asks for one message where one is expected, so a further one would not be read.
  if (streams || script.messages.length === 0) return [asked, script];
  const broken = script.end === 'truncated' || script.end === 'not-compressed';
  return [asked, { ...script, messages: script.messages.slice(0, 1), end: broken ? 'trailers' : script.end }];
}

interface Outcome {
  readonly initial: Record<string, MetadataValue[]> | undefined;
  readonly messages: readonly string[];
  readonly code: number;
  /** What the server said; podwire's own words are for people. */
  readonly details: string | undefined;
  /** What podwire said of the connection that was lost. */
  readonly why: string | undefined;
  readonly trailing: Record<string, MetadataValue[]>;
}

function plain(metadata: Metadata): Record<string, MetadataValue[]> {
  const all: Record<string, MetadataValue[]> = {};
  for (const key of Object.keys(metadata.getMap()).sort()) if (key !== 'date') all[key] = metadata.get(key);
  return all;
}

function converse(channel: PodwireChannel, asked: CallScript, script: ServerScript): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const client = new Client('differential', credentials.createInsecure(), { channelOverride: channel });
    // After GOAWAY or a lost connection it may take a moment until there is another.
    const metadata = new Metadata({ waitForReady: true });
    metadata.set('x-script', encodeURIComponent(JSON.stringify(script)));
    for (const [i, text] of asked.text.entries()) metadata.set(`x-own-${i}`, text);
    for (const [i, bytes] of asked.binary.entries()) metadata.set(`x-own-${i}-bin`, Buffer.from(bytes));
    const afterMs = script.end === 'hang' ? HANG_MS : DEADLINE_MS[asked.deadline];
    const options = afterMs === undefined ? {} : { deadline: Date.now() + afterMs };
    const stuck = setTimeout(() => reject(new Error(`no end: ${JSON.stringify(seen)}`)), 10_000);
    const seen: { initial: Outcome['initial']; messages: string[] } = { initial: undefined, messages: [] };
    const onMessage = (message: Buffer | undefined, cancel: () => void) => {
      if (message === undefined) return;
      seen.messages.push(`${message.length} ${message.toString('latin1', 0, 2)}`);
      if (seen.messages.length === asked.cancelAfter) cancel();
    };
    const onStatus = ({ code, details, metadata: trailers }: StatusObject) => {
      clearTimeout(stuck);
      const told = details === script.grpcMessage ? details : undefined;
      // The reply of a unary call is told after its status.
      const why = /^the Pod sent GOAWAY.*?(?=,| \[)/.exec(details)?.[0];
      setImmediate(() => resolve({ ...seen, code, details: told, why, trailing: plain(trailers) }));
    };
    const requests = asked.messages.map((bytes, i) => Buffer.alloc(bytes, `c${i}`));
    const [request] = requests as [Buffer];
    const done = (_error: unknown, reply?: Buffer) => onMessage(reply, () => {});
    const open = () => {
      if (asked.kind === 'unary')
        return client.makeUnaryRequest(PATH, same, same, request, metadata, options, done);
      if (asked.kind === 'client stream')
        return client.makeClientStreamRequest(PATH, same, same, metadata, options, done);
      if (asked.kind === 'server stream')
        return client.makeServerStreamRequest(PATH, same, same, request, metadata, options);
      return client.makeBidiStreamRequest(PATH, same, same, metadata, options);
    };
    const call = open();
    call.on('error', () => {});
    call.on('metadata', (initial: Metadata) => {
      seen.initial = plain(initial);
    });
    call.on('status', onStatus);
    if (call instanceof Readable)
      call.on('data', (message: Buffer) => onMessage(message, () => call.cancel()));
    if (call instanceof Writable || call instanceof Duplex) {
      for (const message of requests) call.write(message);
      call.end();
    }
    if (asked.cancelAfter === 0) call.cancel();
  });
}

/**
 * What both must agree on: where the server resets, how much of the reply comes before it is chance; so it is where time runs
 * out, and how much of a reply is here already when its reader cancels.
 */
function comparable(outcome: Outcome, asked: CallScript, script: ServerScript): unknown {
  if (script.end === 'goaway-error') return [outcome.code, outcome.why];
  if (ENDLESS.has(script.end)) return outcome.code;
  const { cancelAfter } = asked;
  if (cancelAfter > 0 && outcome.messages.length >= cancelAfter)
    return outcome.messages.slice(0, cancelAfter);
  return script.end === 'reset' && !script.trailersOnly ? 'ended' : outcome;
}

test(`random calls come to the same on both transports`, {
  timeout: 30_000 + 200 * CONVERSATIONS,
}, async () => {
  const script = serverScripts('goaway', 'hang', 'hang-up', 'goaway-error');
  const group = fc.array(fc.tuple(callScript, script), { minLength: LANES, maxLength: LANES });
  await fc.assert(
    fc.asyncProperty(group, async (scripts) => {
      const played = scripts.map(([asked, server]) => settled(asked, server));
      const pairs = await Promise.all(
        played.map(([asked, server], i) =>
          Promise.all(lanes[i]!.map((lane) => converse(lane[asked.compression], asked, server))),
        ),
      );
      const [reference, own] = [0, 1].map((side) =>
        pairs.map((pair, i) => comparable(pair[side]!, ...played[i]!)),
      );
      expect(own).toEqual(reference);
    }),
    parameters,
  );
});
