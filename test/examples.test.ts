import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Load } from '../examples/demo/load.mjs';
import { connectToPlaces, findLoopback, placeOf } from '../examples/demo/loopback.mjs';
import { Pace } from '../examples/demo/pace.mjs';

const run = (path: string, timeout: number) =>
  promisify(execFile)(process.execPath, [fileURLToPath(new URL(`../examples/${path}`, import.meta.url))], {
    timeout,
  });

test("the README's quick start spreads its calls over all providers", async () => {
  const { stdout } = await run('quickstart/main.mjs', 20_000);
  expect(stdout.match(/ was answered by /g)).toHaveLength(6);
  expect(stdout.match(/ is ready, 2 calls$/gm)).toHaveLength(3);
});

describe('the demo, on what README says of both clients', () => {
  const DEMO_MS = 240_000;
  let stdout = '';
  /** The table's rows, by phase and client. */
  const rows = new Map<string, { failed: number; pods: string; perPod: number[] }>();
  // Rejects unless the demo ends with 0.
  beforeAll(async () => {
    ({ stdout } = await run('demo/main.mjs', DEMO_MS));
    let phase = '';
    for (const line of stdout.split('\n')) {
      const [, title, client, , failed, pods, perPod] =
        /^ {2}(\S*).*? (podwire|grpc-js) +(\d+) +(\d+) +(\d+ of \d+) +([\d-]+) /.exec(line) ?? [];
      if (client === undefined) continue;
      phase = title || phase;
      rows.set(`${phase} ${client}`, {
        failed: Number(failed),
        pods: pods!,
        perPod: perPod!.split('-').map(Number),
      });
    }
  }, DEMO_MS);

  test('both use every Pod that they knew from the start, and a proxy one', () => {
    expect(rows.get('1 grpc-js')?.pods).toBe('1 of 4');
    expect(rows.get('2 grpc-js')?.pods).toBe('4 of 4');
    expect(rows.get('2 podwire')?.pods).toBe('4 of 4');
  });

  test('a roll-out costs neither a call', () => {
    expect(rows.get('3b grpc-js')?.failed).toBe(0);
    expect(rows.get('3b podwire')?.failed).toBe(0);
  });

  test('after a scale-up grpc-js uses the 4 old Pods of 8 until a connection ends; podwire uses all evenly', () => {
    expect(rows.get('3c grpc-js')?.pods).toBe('4 of 8');
    expect(rows.get('3c podwire')?.pods).toBe('8 of 8');
    const [least, most = least] = rows.get('3c podwire')!.perPod;
    expect(most! - least!).toBeLessThanOrEqual(2);
    expect(rows.get('3d grpc-js')?.pods).toBe('8 of 8');
    expect(rows.get('3d podwire')?.pods).toBe('8 of 8');
  });

  test('what only podwire can do is shown without grpc-js', () => {
    expect(rows.get('4 podwire')?.failed).toBe(0);
    expect(rows.has('4 grpc-js')).toBe(false);
  });

  test('it says what each client was given', () => {
    expect(stdout).toContain(
      'Both are given the target dns://<name server>/orders.prod.svc.cluster.local:<port>,',
    );
    expect(stdout).toContain('round_robin, and the same retry policy');
    expect(stdout).toContain('grpc.dns_min_time_between_resolutions_ms: 1000; its default is 30 s');
    expect(stdout).toContain('podwire 0.1.0 asks DNS every 5 s and when a connection ends');
  });
});

describe('on a busy machine the demo', () => {
  test('holds back calls that would only wait, instead of sending them to miss their deadlines', async () => {
    const open: ((error: Error | null, order: object) => void)[] = [];
    const get = (_order: object, _options: object, callback: (error: Error | null, order: object) => void) =>
      open.push(callback);
    const load = new Load({ get }, 1_000, 5);
    await expect.poll(() => load.window.heldBack).toBeGreaterThan(20);
    expect(open).toHaveLength(5);
    load.setRate(0);
    for (const reply of open) reply(null, { pod: 'a' });
    expect(await load.take()).toMatchObject({ calls: 5, failed: 0 });
    await load.stop();
  });

  test('halves its rate until no client falls behind, and says so', async () => {
    const rates: number[] = [];
    const busy = {
      async ask(command: string, argument?: { callsPerSecond: number }) {
        if (command === 'rate') rates.push(argument!.callsPerSecond);
        return { heldBack: rates.at(-1)! > 100 ? 1 : 0 };
      },
    };
    const pace = new Pace(0);
    await pace.find([busy]);
    expect(rates).toEqual([400, 400, 200, 100, 0]);
    expect(pace.describe()).toBe('100 calls a second, not 400: this machine is busy');
    expect(await pace.adapt([{ heldBack: 0 }])).toBe(false);
    expect(await pace.adapt([{ heldBack: 3 }])).toBe(true);
    expect(pace.describe()).toBe('100 and later 50 calls a second, not 400: this machine is busy');
  });
});

describe('where 127.0.0.1 is the only loopback address, as on macOS,', () => {
  const { connect: original } = Socket.prototype;
  let server: Server | undefined;
  afterEach(() => {
    Socket.prototype.connect = original;
    server?.close();
  });

  test("a Pod's address leads to the port on which it listens", async () => {
    const loopback = await findLoopback(true);
    const { ip, listen } = placeOf(loopback, 3);
    server = createServer((socket) => socket.end(listen)).listen(Number(listen.split(':')[1]), '127.0.0.1');
    await once(server, 'listening');
    connectToPlaces(loopback);
    const { port } = loopback;
    for (const socket of [connect({ host: ip, port }), connect(port, ip)]) {
      expect(String((await once(socket, 'data'))[0])).toBe(listen);
    }
  });
});
