import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registry } from '@podwire/registry';
import { kubernetes } from '../kubernetes.ts';
import type { KubernetesOptions } from '../options.ts';
import { FakeApiServer } from './fake-api-server.ts';

/** A fake API server, and this process as a Pod of the namespace `prod` in its cluster. */
export class Fixture {
  readonly server: FakeApiServer;
  readonly dir: string;

  private constructor(server: FakeApiServer, dir: string) {
    this.server = server;
    this.dir = dir;
  }

  static async open(): Promise<Fixture> {
    const server = await new FakeApiServer().start();
    const fixture = new Fixture(server, await mkdtemp(join(tmpdir(), 'podwire-kubernetes-')));
    await fixture.write('token', 'good-token');
    await fixture.write('ca.crt', server.certificate.cert);
    await fixture.write('namespace', 'prod');
    return fixture;
  }

  /** The same, with the Pod 10.0.0.1 of `orders`. */
  static async withPod(): Promise<Fixture> {
    const fixture = await Fixture.open();
    fixture.server.store.put(slice('orders-a', [{ ip: '10.0.0.1' }]));
    return fixture;
  }

  get env(): Record<string, string> {
    return { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(this.server.port) };
  }

  registry(options: KubernetesOptions = {}): Registry {
    return kubernetes({ env: this.env, serviceAccountDir: this.dir, ...options });
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.dir, name), text);
  }

  async close(): Promise<void> {
    await this.server.stop();
    // A credential plugin that is still running writes there.
    await rm(this.dir, { recursive: true, force: true, maxRetries: 10 });
  }
}

export interface PodDraft {
  readonly ip: string;
  readonly ready?: boolean | null;
  readonly serving?: boolean | null;
  readonly terminating?: boolean | null;
  readonly zone?: string;
}

/** An EndpointSlice of `orders` as the controller writes it. */
export function slice(name: string, pods: readonly PodDraft[], rest: Readonly<Record<string, unknown>> = {}) {
  const endpoints = pods.map(({ ip, zone, ready = true, serving = true, terminating = false }) => ({
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(zone !== undefined && { zone }),
  }));
  const ports = [{ name: 'grpc', port: 50051, protocol: 'TCP' }];
  return { name, addressType: 'IPv4', endpoints, ports, ...rest };
}
