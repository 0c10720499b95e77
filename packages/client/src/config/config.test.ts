import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseOptions } from '../options/settings.ts';
import { splitConfig } from './config.ts';
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
    [
      { defaults: { zone: 1 }, services: { a: { target: 'x:1', zone: 'a' } } },
      'config.defaults.zone: 1 must be a string',
    ],
    [
      { services: { a: { target: 'x:1', backoff: null } } },
      'config.services.a.backoff: null must be an object',
    ],
    [
      { services: { a: { target: 'x:1', mesh: { headers: { tenant: 'a' } } } } },
      "config.services.a.mesh.address: undefined must be the service's own address",
    ],
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

test("what a service says in grpc-js's words stands above the defaults, whatever words those use", () => {
  const target = 'static:///a:1';
  const entries = splitConfig({
    defaults: {
      maxReceiveBytes: 1,
      keepalive: { timeMs: 2, timeoutMs: 3 },
      'grpc.max_send_message_length': 4,
    },
    services: {
      a: { target, 'grpc.max_receive_message_length': 5, 'grpc.keepalive_time_ms': 6, maxSendBytes: 7 },
      b: { target },
    },
  });
  const { a, b } = Object.fromEntries(
    [...entries].map(([name, { options }]) => [name, parseOptions(options)]),
  );
  expect(a).toMatchObject({ maxReceiveBytes: 5, keepalive: { timeMs: 6, timeoutMs: 3 }, maxSendBytes: 7 });
  expect(b).toMatchObject({ maxReceiveBytes: 1, keepalive: { timeMs: 2, timeoutMs: 3 }, maxSendBytes: 4 });
});

describe('the JSON Schema', () => {
  const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
    configSchema(),
  );
  const target = 'static:///127.0.0.1:1';
  const mesh = { address: 'orders.prod.svc:80' };
  /** A config of one service with these options. */
  const one = (options: object, above: object = {}) => ({
    ...above,
    services: { a: { target, ...options } },
  });
  const all = (key: string, ...values: unknown[]) => values.map((value) => one({ [key]: value }));

  function isTaken(config: unknown): boolean {
    try {
      podwire = createPodwire(config as never);
      return true;
    } catch {
      return false;
    }
  }

  test.each([
    one({}),
    { services: {} },
    { mode: 'mesh', services: {} },
    one({ mode: 'mesh', mesh }),
    one({ mesh }, { mode: 'mesh' }),
    one({ mesh }, { defaults: { mode: 'mesh' } }),
    one({ mode: 'mesh' }, { defaults: { mesh } }),
    one({}, { mode: 'mesh', defaults: { mesh } }),
    one({ mode: 'direct' }, { mode: 'mesh' }),
    one({}, { mode: 'mesh', defaults: { mode: 'direct' } }),
    ...all('mesh', { address: '[::1]:80' }, { ...mesh, headers: { 'tri-service-version': '1.0.0' } }),
    ...all('policy', 'random', { random: {} }, { maglev: { loadBound: 1.25 } }),
    ...all('tls', true, {}, { serverName: 'orders', rejectUnauthorized: false }),
    ...all('subset', { size: 2, client: 0 }, { size: 2, client: 'pod-1' }),
    ...all('hashKey', { header: 'X-Customer' }),
    ...all('grpc.enable_retries', 0, 1),
    ...all('grpc.service_config', {}, '{}'),
    ...all('grpc.max_concurrent_streams', 1),
    ...all('grpc.keepalive_time_ms', 0),
    ...all('grpc.ssl_target_name_override', 'orders'),
  ])('and the code take %j', (config) => {
    expect([validate(config), isTaken(config)]).toEqual([true, true]);
  });

  test.each([
    {},
    { services: [] },
    { services: { '': { target } } },
    one({}, { $schema: 1 }),
    one({}, { mode: null }),
    one({}, { defaults: null }),
    { defaults: { zone: 1 }, services: {} },
    one({ mesh }, { defaults: { mesh: { headers: {} } } }),
    one({ mode: 'mesh' }),
    one({}, { mode: 'mesh' }),
    one({}, { defaults: { mode: 'mesh' } }),
    { mode: 'mesh', services: { a: { target, mesh }, b: { target } } },
    ...all('mesh', null, {}, { address: '' }, { address: 'orders' }, { address: 'orders:0' }),
    ...['Upper', 'grpc-x', 'host', 'authorization'].map((name) =>
      one({ mesh: { ...mesh, headers: { [name]: 'x' } } }),
    ),
    one({ mesh: { ...mesh, headers: { tenant: 'ü' } } }),
    ...all('policy', 'randon', {}, { random: {}, maglev: {} }, { maglev: { loadBound: 0.5 } }),
    ...all('policy', { least_request: { choiceCount: 2.5 } }),
    ...all('tls', 'yes', { cert: 'x' }, { keyFile: '/x' }, { ca: '' }, { certs: 'x' }),
    ...all('subset', { size: 0, client: 0 }, { size: 1 }, { size: 1, client: -1 }, { size: 1, client: '' }),
    ...all('hashKey', {}, { header: 'x y' }, { header: '' }),
    ...all('authority', '', 'a b'),
    ...all('userAgent', ' x', 'x\ny', 'ü'),
    ...all('connectTimeoutMs', 0, 1.5, '5', null, 2 ** 53),
    ...all('maxReceiveBytes', -2),
    ...all('backoff', null, 5, { initialMs: 0 }),
    ...all('compression', 'brotli'),
    ...all('transport', 'http3', null),
    ...all('serviceConfig', null, []),
    ...all('target', '', 5),
    ...all('polcy', 'random'),
    ...all('grpc.enable_retries', 'no', true, 2),
    ...all('grpc.default_compression_algorithm', 3),
    ...all('grpc.keepalive_time_ms', 'x', -1),
    ...all('grpc.enable_retrys', 1),
  ])('and the code refuse %j', (config) => {
    expect([validate(config), isTaken(config)]).toEqual([false, false]);
  });

  test('that is published is the one of this code', () => {
    const published = readFileSync(new URL('../../config.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(configSchema())));
  });
});
