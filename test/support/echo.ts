import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

interface Text {
  readonly value: string;
}
type Answer = (error: grpc.ServiceError | null, answer?: Text) => void;

/** The generated client of podwire.test.Echo. */
export interface EchoClient extends grpc.Client {
  get(sent: Text, answer: Answer): grpc.ClientUnaryCall;
  collect(answer: Answer): grpc.ClientWritableStream<Text>;
  list(sent: Text): grpc.ClientReadableStream<Text>;
  chat(): grpc.ClientDuplexStream<Text, Text>;
}

const path = fileURLToPath(new URL('../proto/echo.proto', import.meta.url));
const { podwire } = grpc.loadPackageDefinition(loadSync(path)) as unknown as {
  podwire: { test: { Echo: grpc.ServiceClientConstructor } };
};

export const echoService: grpc.ServiceDefinition = podwire.test.Echo.service;

export function echoClient(channel: grpc.ChannelInterface): EchoClient {
  const credentials = grpc.credentials.createInsecure();
  const client = new podwire.test.Echo('', credentials, { channelOverride: channel as grpc.Channel });
  return client as unknown as EchoClient;
}

/** A server with podwire.test.Echo, not bound yet. */
export function echoServer(pod: string): grpc.Server {
  const server = new grpc.Server();
  const answer = (text: string): Text => ({ value: `${pod} ${text}` });
  server.addService(echoService, {
    get: (call: grpc.ServerUnaryCall<Text, Text>, reply: grpc.sendUnaryData<Text>) =>
      reply(null, answer(call.request.value)),
    collect(call: grpc.ServerReadableStream<Text, Text>, reply: grpc.sendUnaryData<Text>) {
      const all: string[] = [];
      call.on('data', ({ value }: Text) => all.push(value));
      call.on('end', () => reply(null, answer(all.join())));
    },
    list(call: grpc.ServerWritableStream<Text, Text>) {
      for (let i = 0; i < Number(call.request.value); i++) call.write(answer(String(i)));
      call.end();
    },
    chat(call: grpc.ServerDuplexStream<Text, Text>) {
      call.on('data', ({ value }: Text) => call.write(answer(value)));
      call.on('end', () => call.end());
    },
  });
  return server;
}

/** One unary call. */
export function getEcho(client: EchoClient, text = 'a'): Promise<string> {
  return new Promise((resolve, reject) => {
    client.get({ value: text }, (error, answer) => (error === null ? resolve(answer!.value) : reject(error)));
  });
}

/** The answers of one call of each kind, as dubbo-go's consumer in test/servers makes them. */
export async function callEachKind(client: EchoClient) {
  const get = await getEcho(client);
  const collect = await new Promise<string>((resolve, reject) => {
    const call = client.collect((error, answer) => (error === null ? resolve(answer!.value) : reject(error)));
    for (const value of ['a', 'b', 'c']) call.write({ value });
    call.end();
  });
  const read = async (stream: AsyncIterable<Text>) => {
    const all: string[] = [];
    for await (const { value } of stream) all.push(value);
    return all;
  };
  const list = await read(client.list({ value: '3' }));
  const chatting = client.chat();
  for (const value of ['a', 'b']) chatting.write({ value });
  chatting.end();
  return { get, collect, list, chat: await read(chatting) };
}

/** What `callEachKind` gives when `pod` answers all of it. */
export const eachKindFrom = (pod: string) => ({
  get: `${pod} a`,
  collect: `${pod} a,b,c`,
  list: ['0', '1', '2'].map((text) => `${pod} ${text}`),
  chat: [`${pod} a`, `${pod} b`],
});
