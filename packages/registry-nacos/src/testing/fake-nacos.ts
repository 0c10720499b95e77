import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { decodePayload, encodePayload, type Payload } from '../rpc/payload.ts';

type Json = Readonly<Record<string, unknown>>;

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
const SERVICE = {
  request: {
    path: '/Request/request',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
  stream: {
    path: '/BiRequestStream/requestBiStream',
    requestStream: true,
    responseStream: true,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
} as const;

export const NO_ANSWER = Symbol('no answer');
type Answer = Json | typeof NO_ANSWER;

/** A Nacos server on the wire, without a store behind it: tests decide what it answers and pushes. */
export class FakeNacos {
  /** All requests but health checks, in the order they came. */
  readonly requests: Payload[] = [];
  /** The clients' answers to pushes. */
  readonly answers: Payload[] = [];
  hosts: unknown = [];
  lastRefTime = 1;
  /** By group and name: `mapping/shop.Orders`. */
  readonly configs = new Map<string, string>();
  /** Answers instead of the usual ones, by request type; undefined for the usual one, and `NO_ANSWER` for none. */
  readonly overrides = new Map<string, Answer | ((request: Payload) => Answer | undefined)>();
  readonly #streams = new Set<ServerDuplexStream<Buffer, Buffer>>();
  readonly #credentials: ServerCredentials;
  #server = new Server();
  #port = 0;

  constructor(credentials = ServerCredentials.createInsecure()) {
    this.#credentials = credentials;
  }

  /** The port of HTTP, as Nacos counts. */
  get address(): string {
    return `127.0.0.1:${this.#port - 1000}`;
  }

  get grpcPort(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    this.#server = new Server();
    this.#server.addService(SERVICE, {
      request: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
        const request = decodePayload(call.request);
        if (request.type !== 'HealthCheckRequest') this.requests.push(request);
        const override = this.overrides.get(request.type);
        const body = (typeof override === 'function' ? override(request) : override) ?? this.#answer(request);
        if (body === NO_ANSWER) return;
        reply(null, encodePayload(request.type.replace(/Request$/, 'Response'), body));
      },
      stream: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        this.#streams.add(stream);
        stream.on('data', (message: Buffer) => {
          const payload = decodePayload(message);
          if (payload.type !== 'ConnectionSetupRequest') return void this.answers.push(payload);
          stream.write(encodePayload('SetupAckRequest', { requestId: '1' }));
        });
        stream.on('error', () => {});
        stream.on('end', () => stream.end());
        stream.on('close', () => this.#streams.delete(stream));
      },
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      const at = `127.0.0.1:${this.#port}`;
      this.#server.bindAsync(at, this.#credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return this;
  }

  /** Ends all connections, as when a server dies. */
  stop(): void {
    this.#server.forceShutdown();
  }

  /** Ends the streams of all clients, and goes on serving. */
  drop(): void {
    for (const stream of this.#streams) stream.end();
  }

  /** Tells all clients to go away, and keeps their connections open. */
  goAway(): void {
    this.#server.drain(`127.0.0.1:${this.#port}`, 2 ** 31 - 1);
  }

  get connections(): number {
    return this.#streams.size;
  }

  /** Pushes a list to all clients. */
  push(hosts: unknown, lastRefTime = this.lastRefTime + 1): void {
    this.lastRefTime = Math.max(lastRefTime, this.lastRefTime);
    this.hosts = hosts;
    this.say('NotifySubscriberRequest', { serviceInfo: this.#info(lastRefTime) });
  }

  say(type: string, body: Json): void {
    for (const stream of this.#streams) stream.write(encodePayload(type, { requestId: '7', ...body }));
  }

  count(type: string): number {
    return this.requests.filter((request) => request.type === type).length;
  }

  #answer({ type, body }: Payload): Json {
    const ok = { resultCode: 200, errorCode: 0, success: true };
    if (type === 'ServerCheckRequest') return { ...ok, connectionId: '1' };
    if (type === 'ConfigQueryRequest') {
      const content = this.configs.get(`${body.group}/${body.dataId}`);
      if (content === undefined) return { resultCode: 500, errorCode: 300, message: 'config data not exist' };
      return { ...ok, content };
    }
    const asksForList =
      type === 'ServiceQueryRequest' || (type === 'SubscribeServiceRequest' && body.subscribe);
    return asksForList ? { ...ok, serviceInfo: this.#info(this.lastRefTime) } : ok;
  }

  #info(lastRefTime: number): Json {
    return { name: 'orders', groupName: 'DEFAULT_GROUP', clusters: '', hosts: this.hosts, lastRefTime };
  }
}

/** One host of a list as Nacos writes it. */
export function host(port: number, more: Json = {}): Json {
  const usual = { ip: '10.0.0.1', port, weight: 1, healthy: true, enabled: true, ephemeral: true };
  return { ...usual, clusterName: 'DEFAULT', serviceName: 'DEFAULT_GROUP@@orders', metadata: {}, ...more };
}
