import { pipeline, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import * as grpc from '@grpc/grpc-js';
import { type ClientClass, createClient, type PodwireChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createChannel } from './support/channel.ts';
import { scriptService, startScriptServer } from './support/script-server.ts';

type Callback = grpc.requestCallback<string>;
interface ScriptClient extends grpc.Client {
  unary(
    text: string,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    done: Callback,
  ): grpc.ClientUnaryCall;
  collect(
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    done: Callback,
  ): grpc.ClientWritableStream<string>;
  list(text: string, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<string>;
  chat(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<string, string>;
}
const Script = grpc.makeGenericClientConstructor(
  scriptService,
  'Script',
) as unknown as ClientClass<ScriptClient>;

let server: Awaited<ReturnType<typeof startScriptServer>>;
let channel: PodwireChannel;
beforeAll(async () => {
  server = await startScriptServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  channel = createChannel(`static:///${server.address}`);
  await channel.ready();
});
afterEach(() => channel.close({ graceMs: 0 }));

/** What happened to a call, in order. */
class Log {
  readonly lines: string[] = [];
  readonly callback: Callback = (error, reply) => this.add('callback', error ?? reply);

  add(event: string, value?: unknown): void {
    this.lines.push(value === undefined ? event : `${event} ${describeValue(value)}`);
  }

  /** Everything that a stream, or a unary call, tells. */
  watch<Stream extends NodeJS.EventEmitter>(stream: Stream, data = true): Stream {
    for (const event of ['metadata', 'end', 'finish', 'drain', 'close'])
      stream.on(event, () => this.add(event));
    for (const event of ['error', 'status']) stream.on(event, (value) => this.add(event, value));
    if (data) stream.on('data', (value) => this.add('data', value));
    return stream;
  }
}

function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { code, details, metadata, message, reason, name } = value as grpc.ServiceError & { reason?: string };
  // Server and client see a deadline pass at the same time; either may tell it.
  if (code === grpc.status.DEADLINE_EXCEEDED) return 'deadline';
  const texts = [details, message].map((text) => text?.replace(/[\d.]+ ms|127\S+/g, '…'));
  const fields = { name, code, texts, reason, why: metadata?.get('why'), keys: Object.keys(value).sort() };
  // These grpc-js's client makes by itself, and cannot say where they happened.
  const byClient = /^(?:Response message parsing error|No message received)/.test(details);
  const left = byClient ? ['stack', 'service', 'pods', 'elapsedMs'] : ['stack'];
  return JSON.stringify({ ...fields, keys: fields.keys.filter((key) => !left.includes(key)) });
}

const script = (...lines: string[]) => {
  const metadata = new grpc.Metadata();
  metadata.set('script', lines.join('|'));
  return metadata;
};
/** Time enough for what the server says before. */
const soon = (): grpc.CallOptions => ({ deadline: Date.now() + 300 });
const messages = (count: number) => Array.from({ length: count }, (_, i) => `send ${i}`);
const sink = (onWrite: (text: string, done: (error?: Error) => void) => void) =>
  new Writable({ objectMode: true, write: (text, _encoding, done) => onWrite(text, done) });

type Scenario = (client: ScriptClient, log: Log) => NodeJS.EventEmitter | undefined | Promise<unknown>;

const unary: Record<string, Scenario> = {
  'is answered': (client, log) => log.watch(client.unary('x', script('send one'), {}, log.callback)),
  'fails at once': (client, log) => log.watch(client.unary('x', script('fail 5 no order'), {}, log.callback)),
  'fails after a message': (client, log) =>
    log.watch(client.unary('x', script('send one', 'fail 13 broken'), {}, log.callback)),
  'gets no message': (client, log) => log.watch(client.unary('x', script('headers'), {}, log.callback)),
  'has passed its deadline': (client, log) =>
    log.watch(client.unary('x', script('hang'), { deadline: 1 }, log.callback)),
  'waits until its deadline': (client, log) =>
    log.watch(client.unary('x', script('headers', 'hang'), soon(), log.callback)),
  'is cancelled at once': (client, log) => {
    const call = log.watch(client.unary('x', script('send one'), {}, log.callback));
    call.cancel();
    call.cancel();
    return call;
  },
  'is cancelled after its headers': (client, log) => {
    const call = log.watch(client.unary('x', script('headers', 'hang'), {}, log.callback));
    return call.on('metadata', () => call.cancel());
  },
  'is cancelled after its end': (client, log) => {
    const call = log.watch(client.unary('x', script('send one'), {}, log.callback));
    return call.on('status', () => call.cancel());
  },
  'cannot be serialized': (client, log) =>
    log.watch(client.unary('unserializable', script('send one'), {}, log.callback)),
  'cannot be parsed': (client, log) =>
    log.watch(client.unary('x', script('send unparsable'), {}, log.callback)),
  'tells its peer': (client, log) => {
    const call = client.unary('x', script('send one'), {}, log.callback);
    log.add(typeof call.getPeer());
    return call.on('status', () => log.add('peer', [call.getPeer(), JSON.stringify(call.getAuthContext())]));
  },
};

const collect: Record<string, Scenario> = {
  'is answered': (client, log) => {
    const call = log.watch(client.collect(script('read', 'send all'), {}, log.callback));
    for (let i = 0; i < 40; i++)
      log.add(
        'write',
        call.write(String(i), () => log.add('written')),
      );
    return call.end();
  },
  'is answered before its end': (client, log) => {
    const call = log.watch(client.collect(script('send early'), {}, log.callback));
    call.write('a');
    return call.on('status', () => log.add('write', call.write('late')));
  },
  'fails before a message': (client, log) => {
    const call = log.watch(client.collect(script('fail 9 not now'), {}, log.callback));
    call.write('a', () => log.add('written'));
    return call;
  },
  'is cancelled while it writes': (client, log) => {
    const call = log.watch(client.collect(script('read', 'send all'), {}, log.callback));
    call.write('a', () => call.cancel());
    return call;
  },
  'is cancelled at once': (client, log) => {
    const call = log.watch(client.collect(script('read', 'send all'), {}, log.callback));
    call.cancel();
    log.add('write', call.write('a'));
    return call;
  },
  'waits until its deadline': (client, log) =>
    log.watch(client.collect(script('hang'), soon(), log.callback)),
  'writes after its end': (client, log) => {
    const call = log.watch(client.collect(script('read', 'send all'), {}, log.callback));
    call.end('a');
    return call.on('finish', () =>
      call.write('late', (error?: Error | null) => log.add('written', error?.message)),
    );
  },
  'cannot be parsed': (client, log) => {
    const call = log.watch(client.collect(script('read', 'send unparsable'), {}, log.callback));
    return call.end('a');
  },
  'gets no message': (client, log) => log.watch(client.collect(script('headers'), {}, log.callback)).end(),
};

const list: Record<string, Scenario> = {
  'is answered': (client, log) => log.watch(client.list('x', script(...messages(50)))),
  'is answered with nothing': (client, log) => log.watch(client.list('x', script('headers'))),
  'fails at once': (client, log) => log.watch(client.list('x', script('fail 7 no'))),
  'fails after messages': (client, log) => log.watch(client.list('x', script(...messages(3), 'fail 8 full'))),
  'waits until its deadline': (client, log) =>
    log.watch(client.list('x', script('send one', 'hang'), soon())),
  'is cancelled at once': (client, log) => {
    const call = log.watch(client.list('x', script('send one')));
    call.cancel();
    return call;
  },
  'is cancelled at its first message': (client, log) => {
    const call = log.watch(client.list('x', script('send one', 'hang')));
    return call.on('data', () => call.cancel());
  },
  'cannot be serialized': (client, log) => log.watch(client.list('unserializable', script('send one'))),
  'cannot be parsed': (client, log) =>
    log.watch(client.list('x', script('send one', 'send unparsable', 'send two'))),
  'is read by for await': async (client, log) => {
    try {
      for await (const text of client.list('x', script(...messages(40), 'fail 2 at last'))) {
        log.add('read', text);
        await new Promise(setImmediate);
      }
    } catch (error) {
      log.add('caught', error);
    }
  },
  'flows through a pipeline': (client, log) =>
    new Promise<void>((resolve) => {
      const into = sink((text, done) => {
        log.add('write', text);
        setImmediate(done);
      });
      // Its status is not watched: how much the sink has taken by then is chance.
      pipeline(client.list('x', script(...messages(40))), into, (error) => {
        log.add('done', error?.message ?? 'well');
        resolve();
      });
    }),
  'fails in a pipeline': (client, log) =>
    new Promise<void>((resolve) => {
      const into = sink((_text, done) => done());
      pipeline(client.list('x', script('send one', 'fail 2 at last')), into, (error) => {
        log.add('done', error);
        resolve();
      });
    }),
  'is piped': (client, log) => {
    const into = sink((text, done) => {
      log.add('write', text);
      setImmediate(done);
    });
    client.list('x', script(...messages(40))).pipe(into);
    return finished(into);
  },
};

const chat: Record<string, Scenario> = {
  'is answered': (client, log) => {
    const call = log.watch(client.chat(script('read', ...messages(20))));
    for (let i = 0; i < 40; i++) log.add('write', call.write(String(i)));
    return call.end();
  },
  'goes on after its own end': (client, log) => {
    const call = log.watch(client.chat(script('send one', 'read', 'send two')));
    return call.once('data', () => call.end());
  },
  'is ended by the server first': (client, log) => {
    const call = log.watch(client.chat(script('send one')));
    call.on('status', () => {
      log.add('write', call.write('late'));
      call.end();
    });
    return call;
  },
  'fails after messages': (client, log) => {
    const call = log.watch(client.chat(script('send one', 'fail 8 full')));
    call.write('a');
    return call;
  },
  'is cancelled at once': (client, log) => {
    const call = log.watch(client.chat(script('hang')));
    call.write('a');
    call.cancel();
    return call;
  },
  'is cancelled after its headers': (client, log) => {
    const call = log.watch(client.chat(script('headers', 'hang')));
    return call.on('metadata', () => call.cancel());
  },
  'waits until its deadline': (client, log) => log.watch(client.chat(script('send one', 'hang'), soon())),
  'cannot be parsed': (client, log) => log.watch(client.chat(script('send unparsable', 'hang'))),
};

async function run(scenario: Scenario, client: ScriptClient): Promise<string[]> {
  const log = new Log();
  const begun = scenario(client, log);
  if (begun instanceof Promise) await begun;
  await expect.poll(() => channel.snapshot().calls.open, { interval: 5 }).toBe(0);
  // What Node's streams still have to say comes in the turns after.
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  return log.lines;
}

describe.each(Object.entries({ unary, collect, list, chat }))(
  '%s, as by grpc-js’s own client',
  (_kind, scenarios) => {
    test.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
      const own = new Script('', grpc.credentials.createInsecure(), { channelOverride: channel });
      const expected = await run(scenario, own);
      expect(expected.length).toBeGreaterThan(0);
      expect(await run(scenario, createClient(Script, channel))).toEqual(expected);
    });
  },
);

test('a message that cannot be serialized ends its stream, and nothing is sent after it', async () => {
  const log = new Log();
  const call = log.watch(createClient(Script, channel).collect(script('read', 'send all'), {}, log.callback));
  for (const text of ['a', 'unserializable', 'b']) call.write(text, () => log.add('written', text));
  await run(() => call, createClient(Script, channel));
  const [first] = log.lines.filter((line) => line.startsWith('callback'));
  expect(first).toContain('Request message serialization failure: out of range');
  expect(log.lines.filter((line) => line.startsWith('written'))).toEqual(
    ['a', 'unserializable', 'b'].map((text) => `written ${text}`),
  );
});
