import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';

/** Messages are text. One that says so cannot be serialized, or parsed. */
const serialize = (text: string): Buffer => {
  if (text === 'unserializable') throw new Error('out of range');
  return Buffer.from(text);
};
const deserialize = (bytes: Buffer): string => {
  if (bytes.toString() === 'unparsable') throw new Error('out of range');
  return bytes.toString();
};
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/podwire.test.Script/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: deserialize,
});

export const scriptService = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  list: method('List', false, true),
  chat: method('Chat', true, true),
};

type Call = grpc.ServerDuplexStream<string, string>;

/** Does what the call's header `script` says: `headers`, `read` to the end, `send …`, `fail code text`, `hang`, one a line. */
async function play(call: Call, done: (error: grpc.ServiceError | null) => void): Promise<void> {
  for (const line of String(call.metadata.get('script')[0]).split('|')) {
    const [verb, ...words] = line.split(' ');
    if (verb === 'hang') return;
    if (verb === 'headers') call.sendMetadata(new grpc.Metadata());
    if (verb === 'send') call.write(words.join(' '));
    if (verb === 'read') await once(call.resume(), 'end');
    if (verb === 'fail') {
      const metadata = new grpc.Metadata();
      metadata.set('why', 'script');
      const [code, ...text] = words;
      return done(Object.assign(new Error(), { code: Number(code), details: text.join(' '), metadata }));
    }
  }
  done(null);
}

/** Every method is a stream to the server: it may answer with no message or many where the client expects one. */
const served = Object.fromEntries(
  Object.entries(scriptService).map(([name, one]) => [
    name,
    { ...one, requestStream: true, responseStream: true },
  ]),
);

export async function startScriptServer(): Promise<{ readonly address: string; stop(): void }> {
  const server = new grpc.Server();
  const handle = (call: Call) => {
    call.on('error', () => {});
    void play(call, (error) => (error === null ? call.end() : call.emit('error', error)));
  };
  server.addService(served, Object.fromEntries(Object.keys(served).map((name) => [name, handle])));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
