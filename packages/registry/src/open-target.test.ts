import { InvalidInput, systemRandom } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openTarget } from './open-target.ts';
import { staticRegistry } from './static.ts';
import { parseTarget } from './target.ts';
import { Followed, until } from './testing/follow.ts';
import { Watched } from './testing/watched.ts';

const env = { clock: new VirtualClock(), random: systemRandom };
const open = (text: string) => {
  const { target, registry, service } = openTarget(text, env);
  return [target.scheme, service, registry.key];
};

it.each([
  ['static:///10.0.0.1:1,10.0.0.2:2', ['static', '10.0.0.1:1,10.0.0.2:2', undefined]],
  ['static:10.0.0.1:1', ['static', '10.0.0.1:1', undefined]],
  ['ipv4:10.0.0.1:1,10.0.0.2:1', ['static', '10.0.0.1:1,10.0.0.2:1', undefined]],
  ['ipv6:[::1]:1', ['static', '[::1]:1', undefined]],
  ['ipv4:10.0.0.1,10.0.0.2:1', ['static', '10.0.0.1:443,10.0.0.2:1', undefined]],
  ['ipv6:::1,[::2]', ['static', '[::1]:443,[::2]:443', undefined]],
  ['file:///etc/podwire/services.json#orders', ['file', 'orders', 'file /etc/podwire/services.json']],
  ['file://localhost/etc/x.json#orders', ['file', 'orders', 'file /etc/x.json']],
  ['file:services.yaml#orders', ['file', 'orders', 'file services.yaml']],
  ['file:/etc/x.json#orders', ['file', 'orders', 'file /etc/x.json']],
  ['file:///run/podwire/#my%20orders', ['file', 'my orders', 'file /run/podwire/']],
  ['dns:///orders.prod.svc:50051', ['dns', 'orders.prod.svc:50051', 'dns ']],
  ['dns://10.0.0.53:53/orders:1', ['dns', 'orders:1', 'dns 10.0.0.53:53']],
  ['DNS:orders:1', ['dns', 'orders:1', 'dns ']],
  ['orders:50051', ['dns', 'orders:50051', 'dns ']],
  ['file:8080', ['dns', 'file:8080', 'dns ']],
  ['orders', ['dns', 'orders', 'dns ']],
  ['[::1]:50051', ['dns', '[::1]:50051', 'dns ']],
  ['dns:///_grpc._tcp.orders.prod', ['dns', '_grpc._tcp.orders.prod', 'dns ']],
])('%s is opened', (text, opened) => expect(open(text)).toEqual(opened));

it.each([
  ['statik:///a:1', "scheme is unknown; did you mean 'static'?"],
  ['xds:///orders', 'scheme is not one of: static, file, dns'],
  [
    'kubernetes:///orders.prod:grpc',
    'needs its registry: pass the option registries: [kubernetes()] of the package @podwire/registry-kubernetes',
  ],
  ['nacos:///orders', 'registries: [nacos()] of the package @podwire/registry-nacos'],
  ['consul:/orders', 'scheme is not one of'],
  ['static://10.0.0.1:1', "two slashes where three are meant: did you mean 'static:///10.0.0.1:1'?"],
  ['file://etc/x.json#orders', "did you mean 'file:///etc/x.json'?"],
  ['dns://orders:50051', "names a DNS server and no service: did you mean 'dns:///orders:50051'?"],
  ['dns://dns.test/orders:1', 'must be IP addresses'],
  ['file:///etc/x.json', "must name the service after '#'"],
  ['file:///#orders', "must name a file or directory before '#'"],
  ['dns:///orders:1#x', "takes no '#'"],
  ['static:///a:1#x', "takes no '#'"],
  ['static:///a:1?weight=2', "takes no option 'weight'"],
  ['static:///', 'target[0].address: "" must be host:port'],
  ['static:///a:1,,b:1', 'target[1].address: "" must be host:port'],
  ['dns:///', 'must name a host'],
  ['dns:///orders:1%', 'holds a % that begins no percent-encoded character'],
  ['', 'must be a string'],
])('%j is refused', (text, message) => {
  expect(() => openTarget(text, env)).toThrow(message);
  expect(() => openTarget(text, env)).toThrow(InvalidInput);
});

it('gives a registry of the caller its scheme, even a built-in one', () => {
  const mine = { ...staticRegistry('10.0.0.1:1'), scheme: 'mine' };
  expect(openTarget('mine:///a/b%20c?group=x', env, [mine])).toMatchObject({
    service: 'a/b c?group=x',
    registry: mine,
  });
  const dns = { ...mine, scheme: 'dns' };
  expect(openTarget('orders:1', env, [dns]).registry).toBe(dns);
  expect(() => openTarget('mine://server/a', env, [mine])).toThrow("did you mean 'mine:///server/a'?");
  expect(() => openTarget('mine:///a#b', env, [mine])).toThrow("takes no '#'");
  expect(() => openTarget('mein:///a', env, [mine])).toThrow("did you mean 'mine'?");
});

it('refuses two registries of one scheme', () => {
  const mine = { ...staticRegistry('10.0.0.1:1'), scheme: 'mine' };
  const others = [{ ...mine, scheme: 'other' }, mine];
  expect(openTarget('mine:///a', env, others).registry).toBe(mine);
  expect(() => openTarget('mine:///a', env, [...others, { ...mine }])).toThrow(
    'options.registries[2]: "mine" is the scheme of one before it',
  );
});

it('refuses what the registry of the caller says cannot be right', () => {
  const check = (service: string) => {
    if (service !== 'orders') throw new InvalidInput('target', service, 'must be orders');
  };
  const mine = { ...staticRegistry('10.0.0.1:1'), scheme: 'mine', check };
  expect(openTarget('mine:///orders', env, [mine]).service).toBe('orders');
  expect(() => openTarget('mine:///orders?a=b', env, [mine])).toThrow('target: "orders?a=b" must be orders');
});

it('never throws anything but InvalidInput', { timeout: 30_000 }, () => {
  const part = fc.constantFrom('static', 'dns', 'file', ':', '/', '//', '?', '#', '%', '[', ']', '_', '\0');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(part, fc.string())).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, (target) => {
      try {
        openTarget(target, env);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidInput);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(parseTarget('__proto__:1', ['dns']).scheme).toBe('dns');
});

it('shares one watch between channels to one target', async () => {
  const watches = [1, 2].map(() => {
    const { registry } = openTarget('file:///no/such/services.json#orders', env);
    return new Watched(registry, { clock: env.clock });
  });
  await until(() => watches.every(({ statuses }) => statuses.length > 0), 'the problem');
  const [first, second] = watches.map(({ watch }) => watch.status);
  expect(first).toEqual(second);
  for (const { watch } of watches) watch.close();
  await until(() => env.clock.pending === 0, 'the end of the watch');
});

it('takes weights, zones and attributes of a static list as objects', async () => {
  const said = { address: '10.0.0.1:1', weight: 2, zone: 'a', attributes: { version: '2' } };
  const watch = new Followed(staticRegistry([said, { host: 'fd00::1', port: 2 }]), 'orders');
  await until(() => watch.last !== undefined, 'the list');
  expect([...watch.endpoints.list]).toMatchObject([
    { id: '10.0.0.1:1', weight: 2, zone: 'a', attributes: { version: '2' } },
    { id: '[fd00::1]:2', weight: 1 },
  ]);
  await watch.close();
});

it.each([
  [[], 'endpoints: [] must name at least one endpoint'],
  [{}, 'endpoints: {} must be an array of endpoints'],
  [[{ address: 'a:1', wieght: 2 }], "endpoints[0].wieght is unknown; did you mean 'weight'?"],
  [[{ address: 'a:1' }, { address: 'a:1' }], 'endpoints[1]: "a:1" is named twice'],
  [[{ address: 'a:1', weight: '2' }], 'endpoints[0].weight: "2" must be a finite number'],
])('static list %j is refused', (list, message) => {
  expect(() => staticRegistry(list as never)).toThrow(message);
});
