import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

interface Payload {
  readonly metadata: { readonly type: string };
  readonly body: { readonly value: Buffer };
}

interface UnaryClient extends grpc.Client {
  request(payload: object, callback: (error: Error | null) => void): void;
}
interface StreamClient extends grpc.Client {
  requestBiStream(): grpc.ClientDuplexStream<object, Payload>;
}

const path = fileURLToPath(new URL('../proto/nacos.proto', import.meta.url));
const { Request, BiRequestStream } = grpc.loadPackageDefinition(loadSync(path)) as unknown as {
  Request: new (...of: ConstructorParameters<typeof grpc.Client>) => UnaryClient;
  BiRequestStream: new (...of: ConstructorParameters<typeof grpc.Client>) => StreamClient;
};

const encode = (type: string, body: object) => ({
  metadata: { type },
  body: { value: Buffer.from(JSON.stringify(body)) },
});

export interface Push {
  readonly atMs: number;
  readonly service: string;
  readonly ports: readonly number[];
}

/** A subscriber on grpc-js that shares no code with podwire: when the server's pushes arrive, and of what. */
export class NacosObserver {
  readonly pushes: Push[] = [];
  readonly #unary: UnaryClient;
  readonly #stream: StreamClient;
  readonly #duplex: grpc.ClientDuplexStream<object, Payload>;

  private constructor(port: number) {
    const target = `127.0.0.1:${port + 1_000}`;
    // One connection is one client of Nacos: both stubs of a target share it.
    this.#unary = new Request(target, grpc.credentials.createInsecure());
    this.#stream = new BiRequestStream(target, grpc.credentials.createInsecure());
    this.#duplex = this.#stream.requestBiStream();
    this.#duplex.on('error', () => {});
  }

  static async open({ port }: { readonly port: number }): Promise<NacosObserver> {
    const observer = new NacosObserver(port);
    await observer.#request('ServerCheckRequest', {});
    const ready = new Promise<void>((resolve) => {
      observer.#duplex.on('data', (payload: Payload) => {
        const { type } = payload.metadata;
        if (type === 'SetupAckRequest') return resolve();
        observer.#receive(type, JSON.parse(payload.body.value.toString()));
      });
    });
    const labels = { source: 'sdk', module: 'naming' };
    const setUp = { clientVersion: 'observer', tenant: '', labels, abilityTable: {} };
    observer.#duplex.write(encode('ConnectionSetupRequest', setUp));
    await ready;
    return observer;
  }

  async subscribe(service: string): Promise<void> {
    const names = { namespace: 'public', groupName: 'DEFAULT_GROUP', serviceName: service };
    await this.#request('SubscribeServiceRequest', { ...names, clusters: '', subscribe: true });
  }

  close(): void {
    this.#duplex.cancel();
    this.#unary.close();
    this.#stream.close();
  }

  #receive(
    type: string,
    body: { requestId: string; serviceInfo?: { name: string; hosts: { port: number }[] } },
  ) {
    const answer = { resultCode: 200, errorCode: 0, success: true, requestId: body.requestId };
    this.#duplex.write(encode(type.replace(/Request$/, 'Response'), answer));
    if (body.serviceInfo === undefined) return;
    const { name, hosts } = body.serviceInfo;
    this.pushes.push({ atMs: performance.now(), service: name, ports: hosts.map(({ port }) => port) });
  }

  #request(type: string, body: object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#unary.request(encode(type, body), (error) => (error ? reject(error) : resolve()));
    });
  }
}
