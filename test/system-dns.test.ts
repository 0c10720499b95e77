import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DnsZone } from '../packages/registry/src/testing/dns-server.ts';

// The system's resolver reads /etc/resolv.conf: each process gets a network and a mount namespace of its own.
const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
const NAMESPACES = [...asRoot, '--net', '--mount', '--pid', '--fork', '--kill-child'];
const granted =
  spawnSync('unshare', [...NAMESPACES, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status === 0;

/** Any name is this stranger in the last search domain, as with a wildcard record. */
const STRANGER = { '*.stranger.test': { addresses: ['10.66.0.1', 'fd66::1'] } };

let directory: string;
let program: string;
const running: ChildProcessWithoutNullStreams[] = [];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-dns-'));
  program = join(directory, 'system-dns.mjs');
  const input = fileURLToPath(new URL('support/system-dns.ts', import.meta.url));
  await build({ input, platform: 'node', output: { file: program }, logLevel: 'silent' });
  writeFileSync(
    join(directory, 'resolv.conf'),
    'nameserver 127.0.0.1\nsearch orders.svc.test stranger.test\noptions ndots:5 timeout:1 attempts:1\n',
  );
  writeFileSync(join(directory, 'nsswitch.conf'), 'hosts: files dns\n');
});
afterEach(() => {
  for (const child of running.splice(0)) child.stdin.end();
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Said {
  readonly type: string;
  readonly ids: readonly string[];
  readonly dropped: readonly string[];
  readonly asked: readonly string[];
}

/** What a DNS registry says of a service, with the system's resolver and a DNS server of its own. */
class Resolving {
  readonly said: Said[] = [];
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(service: string, zone: DnsZone) {
    const bind = ['resolv.conf', 'nsswitch.conf'].map(
      (file) => `mount --bind ${join(directory, file)} $(readlink -f /etc/${file})`,
    );
    const script = `ip link set lo up && ${bind.join(' && ')} && exec "$@"`;
    const command = ['sh', '-c', script, 'sh', process.execPath, program, service];
    this.#child = spawn('unshare', [...NAMESPACES, ...command]);
    this.#child.stderr.pipe(process.stderr);
    running.push(this.#child);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.said.push(JSON.parse(line)));
    this.zone(zone);
  }

  zone(zone: DnsZone): void {
    this.#child.stdin.write(`${JSON.stringify({ ...STRANGER, ...zone })}\n`);
  }

  get last(): Said | undefined {
    return this.said.at(-1);
  }
}

const SRV = '_grpc._tcp.orders.test';
const srv = (...names: string[]) => ({
  [SRV]: { srv: names.map((name) => ({ name, port: 1, priority: 0, weight: 0 })) },
});

describe.skipIf(!granted)('with the search domains of the system', () => {
  test('a host of an SRV record is the host of that whole name, never a stranger in a search domain', async () => {
    const pods = {
      'pod-0.orders.test': { addresses: ['10.0.0.1'] },
      'pod-1.orders.test': { addresses: ['fd00::1'] },
    };
    const watch = new Resolving(SRV, { ...srv('pod-0.orders.test', 'pod-1.orders.test'), ...pods });
    await expect.poll(() => watch.last).toMatchObject({ ids: ['10.0.0.1:1', '[fd00::1]:1'], dropped: [] });
    expect(watch.last!.asked.filter((question) => question.includes('.stranger.'))).toEqual([]);
    watch.zone({ ...srv('pod-0.orders.test', 'pod-2.orders.test'), ...pods });
    await expect
      .poll(() => watch.last)
      .toMatchObject({
        ids: ['10.0.0.1:1'],
        dropped: ['dns.pod-2.orders.test: has no address'],
      });
  });

  test('the name of an SRV record is asked for as it is written', async () => {
    const watch = new Resolving('_grpc._tcp.orders', srv('pod-0.orders.test'));
    await expect.poll(() => watch.last?.type).toBe('missing');
    expect(watch.last!.asked).toEqual(['_grpc._tcp.orders 33']);
  });

  test('a plain name is searched for, unless a dot ends it', async () => {
    const zone = { 'pods.orders.svc.test': { addresses: ['10.0.0.1'] }, pods: { addresses: ['10.0.0.9'] } };
    const searched = new Resolving('pods:1', zone);
    const whole = new Resolving('pods.:1', zone);
    await expect.poll(() => searched.last?.ids).toEqual(['10.0.0.1:1']);
    await expect.poll(() => whole.last?.ids).toEqual(['10.0.0.9:1']);
  });

  describe.each([
    ['a plain name', 'pods:1', 'pods.orders.svc.test', {}],
    ['a whole name', 'pods.orders.svc.test.:1', 'pods.orders.svc.test', {}],
    ['a host of an SRV record', SRV, 'pod-0.orders.test', srv('pod-0.orders.test')],
  ] as const)('of %s', (_of, service, host, rest) => {
    const addresses = ['10.0.0.1', 'fd00::1'];

    test.each(['a', 'aaaa'] as const)(
      '%s that fails keeps its addresses, and the other family goes on',
      async (type) => {
        const watch = new Resolving(service, { ...rest, [host]: { addresses } });
        const both = ['10.0.0.1:1', '[fd00::1]:1'];
        await expect.poll(() => watch.last).toMatchObject({ ids: both, dropped: [] });
        const added = type === 'a' ? 'fd00::2' : '10.0.0.2';
        const more = [...both, type === 'a' ? '[fd00::2]:1' : '10.0.0.2:1'].sort();
        watch.zone({ ...rest, [host]: { addresses: [...addresses, added], fails: { [type]: 'SERVFAIL' } } });
        const named = `cannot be asked for IPv${type === 'a' ? 4 : 6} addresses`;
        await expect
          .poll(() => watch.last)
          .toMatchObject({ ids: more, dropped: [expect.stringContaining(named)] });
        watch.zone({ ...rest, [host]: { addresses: [added] } });
        await expect
          .poll(() => watch.last)
          .toMatchObject({ ids: [added].map((ip) => (type === 'a' ? `[${ip}]:1` : `${ip}:1`)), dropped: [] });
      },
    );

    test.each(['a', 'aaaa'] as const)('%s that is the only one and fails is a failure', async (type) => {
      const only = type === 'a' ? addresses[0]! : addresses[1]!;
      const watch = new Resolving(service, { ...rest, [host]: { addresses: [only] } });
      await expect.poll(() => watch.last?.ids.length).toBe(1);
      watch.zone({ ...rest, [host]: { addresses: [only], fails: { [type]: 'SERVFAIL' } } });
      await expect.poll(() => watch.last?.type).toBe('failed');
    });
  });
});
