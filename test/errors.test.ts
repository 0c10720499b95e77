import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createChannel } from 'podwire';
import { describe, expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

describe('a target', () => {
  test.each([
    ['statik:///a:1', `target: "statik:///a:1" scheme is unknown; did you mean 'static'?`],
    ['static:///10.0.0.1', 'target[0].address: "10.0.0.1" must be host:port'],
    ['static:///a:1,a:1', 'target[1]: "a:1" is named twice'],
    ['static:///a:70000', 'must be a port, an integer from 1 to 65535'],
    ['file:///etc/services.json', "must name the service after '#'"],
    ['dns:///orders:http', 'must be host:port'],
    ['dns:///orders:50051?ttl=5', "takes no option 'ttl'"],
    ['static:///a:1%zz', 'holds a % that begins no percent-encoded character'],
    ['', 'target: "" must be a string'],
  ])('%j is refused', (target, message) => {
    expect(() => createChannel(target)).toThrow(message);
  });
});

test('mesh without an address is refused, by option and at run time', async () => {
  expect(() => createChannel('static:///a:1', { mode: 'mesh' })).toThrow(
    "options.mesh: undefined must give the service's address",
  );
  const channel = createChannel('static:///127.0.0.1:1');
  expect(() => channel.setMode('mesh')).toThrow("must give the service's address");
  expect(() => channel.setMode('sideways' as never)).toThrow('mode: "sideways" must be one of: direct, mesh');
  await channel.close({ graceMs: 0 });
});

test.each([
  ['dns:///orders.prod.svc:50051', 'orders'],
  ['dns:///_grpc._tcp.orders.prod.svc', 'orders'],
  ['127.0.0.1:50051', '127.0.0.1:50051'],
  ['[::1]:50051', '[::1]:50051'],
  ['static:///127.0.0.1:1', '127.0.0.1:1'],
  ['ipv4:10.0.0.1:1,10.0.0.2:1', '10.0.0.1:1, 10.0.0.2:1'],
  ['static:///a:1,b:1,c:1,d:1,e:1', 'a:1, b:1, c:1 and 2 more'],
  ['file:///run/podwire/#stock', 'stock'],
])('the service of %s is called %s', async (target, service) => {
  const channel = createChannel(target);
  expect(channel.snapshot().service).toBe(service);
  await channel.close({ graceMs: 0 });
});

test('a set that cannot be written to disk is told of', async () => {
  const snapshotDir = fileURLToPath(import.meta.url);
  const channel = createChannel('dns:///127.0.0.1:1', { snapshotDir });
  await expect.poll(() => channel.snapshot().registry?.snapshotError, { timeout: 5_000 }).toContain('EEXIST');
  await channel.close({ graceMs: 0 });
});

test('every reason is in docs/errors.md, and nothing else', () => {
  const declared = [...read('packages/client/src/reasons.ts').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(
    (match) => match[1],
  );
  const documented = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map((match) => match[1]);
  expect(declared.length).toBeGreaterThan(10);
  expect(documented.sort()).toEqual(declared.sort());
});

test('docs/options.md has every option, and no other', () => {
  const source = read('packages/client/src/options/channel-options.ts');
  const own = source.slice(source.indexOf('interface ChannelOptions '));
  const declared = [...own.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1]);
  const options = read('docs/options.md').split('## Policies')[0]!;
  const documented = [...options.matchAll(/^\| `(\w+)` +\| `/gm)].map((match) => match[1]);
  expect(declared.length).toBeGreaterThan(20);
  expect(documented.sort()).toEqual(declared.sort());
});
