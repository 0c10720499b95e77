import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPodwire, type Podwire } from './podwire.ts';
import { configSchema } from './schema.ts';

let directory: string;
let podwire: Podwire | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-'));
});
afterEach(async () => {
  await podwire?.close({ graceMs: 0 });
  podwire = undefined;
  rmSync(directory, { recursive: true });
});

function file(text: string): string {
  const path = join(directory, 'podwire.yaml');
  writeFileSync(path, text);
  return path;
}

describe('createPodwire', () => {
  test('gives a service the same channel each time, with the defaults under its own options', () => {
    podwire = createPodwire({
      defaults: { policy: 'round_robin', mesh: { address: 'mesh:80' } },
      services: {
        orders: { target: 'static:///127.0.0.1:1' },
        stock: { target: 'static:///127.0.0.1:2', policy: { maglev: { loadBound: 1.25 } }, mode: 'mesh' },
      },
    });
    expect(podwire.services).toEqual(['orders', 'stock']);
    expect(podwire.channel('orders')).toBe(podwire.channel('orders'));
    expect(podwire.channel('orders').snapshot()).toMatchObject({
      service: 'orders',
      policy: 'round_robin',
      mode: 'direct',
    });
    expect(podwire.channel('stock').snapshot()).toMatchObject({ service: 'stock', mode: 'mesh' });
    expect(Object.keys(podwire.snapshot())).toEqual(['orders', 'stock']);
  });

  test('takes the name of its schema, which editors read', () => {
    const $schema = './node_modules/podwire/config.schema.json';
    podwire = createPodwire(
      file(JSON.stringify({ $schema, services: { a: { target: 'static:///127.0.0.1:1' } } })),
    );
    expect(podwire.channel('a').mode).toBe('direct');
  });

  test('reads YAML', () => {
    podwire = createPodwire(
      file('mode: direct\nservices:\n  orders:\n    target: "static:///127.0.0.1:1"\n    policy: random\n'),
    );
    expect(podwire.channel('orders').snapshot().policy).toBe('random');
  });

  test.each([
    [{}, 'config.services: undefined must be an object'],
    [{ mode: 'sidecar', services: {} }, 'config.mode: "sidecar" must be one of: direct, mesh'],
    [
      { services: { a: { target: 'x:1', 'grpc.enable_retries': 'no' } } },
      'config.services.a["grpc.enable_retries"]: "no" must be 0 or 1',
    ],
    [{ services: { a: {} } }, 'config.services.a.target: '],
    [
      { services: { a: { target: 'x:1', polcy: 'random' } } },
      "config.services.a.polcy is unknown; did you mean 'policy'?",
    ],
    [
      { services: { a: { target: 'x:1', policy: 'randon' } } },
      'config.services.a.policy: "randon" is unknown; did you mean \'random\'?',
    ],
    [
      { services: { a: { target: 'statik:///x:1' } } },
      `config.services.a.target: "statik:///x:1" cannot be used: target: "statik:///x:1" scheme is unknown; did you mean 'static'?`,
    ],
    [
      { services: { a: { target: 'x:1', mode: 'mesh' } } },
      "config.services.a.mesh: undefined must give the service's address",
    ],
    [{ service: {} }, "config.service is unknown; did you mean 'services'?"],
  ])('refuses %j, naming the path, the value and the rule', (config, message) => {
    expect(() => createPodwire(config as never)).toThrow(message);
  });

  test('refuses an unknown service, naming the nearest', () => {
    podwire = createPodwire({ services: { orders: { target: 'static:///127.0.0.1:1' } } });
    expect(() => podwire!.channel('order')).toThrow("did you mean 'orders'?");
  });

  test('refuses a file that is not there, or broken', () => {
    expect(() => createPodwire(join(directory, 'none.yaml'))).toThrow(/none\.yaml" cannot be read: ENOENT/);
    expect(() => createPodwire(file('services: [}'))).toThrow('is neither JSON nor YAML');
    // TLS keys may stand in it.
    const secret = file('services:\n  a: { tls: { key: secret\n: ]');
    expect(() => createPodwire(secret)).toThrow(/YAML: .+ at line 3, column 1$/);
    expect(() => createPodwire(secret)).not.toThrow('secret');
  });

  test('refuses what is no file, and what is too large, unread', () => {
    expect(() => createPodwire('/dev/zero')).toThrow(
      'config: "/dev/zero" cannot be read: /dev/zero is no file',
    );
    expect(() => createPodwire(file(' '.repeat(5_000_000)))).toThrow('5000000 bytes are more than the limit');
  });

  test('changes the mode of all services or of none', async () => {
    podwire = createPodwire({
      services: {
        orders: { target: 'static:///127.0.0.1:1', mesh: { address: '127.0.0.1:1' } },
        stock: { target: 'static:///127.0.0.1:1' },
      },
    });
    const orders = podwire.channel('orders');
    await expect(podwire.setMode('mesh')).rejects.toThrow('config.services.stock.mesh: undefined must give');
    await expect(podwire.setMode('sideways' as never)).rejects.toThrow('must be one of: direct, mesh');
    expect(orders.snapshot()).toMatchObject({ mode: 'direct', switchingTo: undefined });
    expect(podwire.channel('stock').mode).toBe('direct');
  });
});

test('the published JSON Schema is the one of this code', () => {
  const published = readFileSync(new URL('../../config.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(configSchema())));
});
