import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Followed, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Fixture, slice } from '../testing/fixture.ts';
import { Watched } from '../testing/watched.ts';

let fixture: Fixture;
let kubeconfig: string;

beforeEach(async () => {
  fixture = await Fixture.withPod();
  kubeconfig = join(fixture.dir, 'config');
});

afterEach(() => fixture.close());

async function write(user: object, cluster: object = {}, context: object = {}): Promise<void> {
  const server = `https://127.0.0.1:${fixture.server.port}`;
  const config = {
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority': 'ca.crt', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'prod', ...context } }],
  };
  await fixture.write('config', stringify(config));
}

const env = () => ({ ...fixture.env, PATH: process.env.PATH });

/** The error of a watch, in which no secret is. */
async function failure(options: object = {}): Promise<string> {
  const followed = new Followed(fixture.registry({ kubeconfig, env: env(), ...options }), 'orders');
  await until(() => followed.ended, 'the failure');
  const { stack = '', message } = followed.error as Error;
  expect(stack).not.toContain('secret');
  return message;
}

describe('a credential plugin', () => {
  async function plugin(body: string): Promise<void> {
    await fixture.write('plugin', `#!/bin/sh\necho x >> ${fixture.dir}/runs\n${body}\n`);
    await chmod(join(fixture.dir, 'plugin'), 0o755);
    const apiVersion = 'client.authentication.k8s.io/v1';
    await write({ exec: { apiVersion, command: './plugin', interactiveMode: 'Never' } });
  }

  /** One that was killed may wait for its parent to take note: Linux says so. */
  const isRunning = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };

  it('that never ends is ended, with all that it started, and told of', async () => {
    await plugin(`sleep 1000 &\necho $! > ${fixture.dir}/pid\nwait`);
    const clock = new VirtualClock();
    const followed = new Followed(fixture.registry({ kubeconfig, env: env(), clock }), 'orders');
    const pidFile = join(fixture.dir, 'pid');
    let pid = 0;
    await until(
      () => pid > 0,
      'the plugin to run',
      async () => {
        pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
      },
    );
    expect(isRunning(pid)).toBe(true);
    await clock.advance(25_000);
    await followed.done;
    expect((followed.error as Error).message).toContain("'./plugin' did not end within 25 s");
    await until(() => !isRunning(pid), 'its command to end');
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['its output', 'yes secret'],
    ['its complaints', 'yes secret >&2'],
  ])('that floods %s is ended', async (_what, body) => {
    await plugin(body);
    expect(await failure()).toContain("'./plugin' printed more than 1048576 bytes");
  });

  it('whose credential has expired already is run again each time, and its credential tried', async () => {
    const status = { token: 'good-token', expirationTimestamp: '2001-01-01T00:00:00Z' };
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status };
    await plugin(`echo '${JSON.stringify(credential)}'`);
    const followed = new Followed(fixture.registry({ kubeconfig, env: env() }), 'orders');
    await until(() => fixture.server.watches === 1 && followed.ids.length > 0, 'a watch and the Pod');
    expect(followed.ids).toEqual(['10.0.0.1:50051']);
    const runs = (await readFile(join(fixture.dir, 'runs'), 'utf8')).trim().split('\n').length;
    // For a list and a watch.
    expect(runs).toBeLessThanOrEqual(3);
    await followed.close();
  });
});

describe('a kubeconfig', () => {
  it('whose aliases grow without bound is refused', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const what = i === 0 ? 'secret' : `*a${i - 1}`;
      return `a${i}: &a${i} [${Array(10).fill(what).join(',')}]`;
    });
    await fixture.write('config', levels.join('\n'));
    expect(await failure()).toBe(`the kubeconfig ${kubeconfig} is no YAML`);
  });

  it.each<[string, object, object, object, string]>([
    ['a token that is a number', { token: 12_345 }, {}, {}, 'token must be a string; put it in quotes'],
    ['a tokenFile that is a list', { tokenFile: ['x'] }, {}, {}, 'tokenFile must be a string'],
    ['a password that is a number', { username: 'u', password: 1 }, {}, {}, 'password must be a string'],
    ['a plugin that is a string', { exec: 'secret' }, {}, {}, 'exec must be an object'],
    ['a CA that is a number', {}, { 'certificate-authority-data': 7 }, {}, 'authority-data must be a string'],
    ['a key that is an object', { 'client-key': {} }, {}, {}, 'client-key must be a string'],
    ['another name that is a number', {}, { 'tls-server-name': 1 }, {}, 'tls-server-name must be a string'],
    ['a switch in quotes', {}, { 'insecure-skip-tls-verify': 'true' }, {}, 'must be true or false'],
    ['a namespace that is a number', {}, {}, { namespace: 7 }, "context 'c' of "],
  ])('with %s says so, instead of doing without', async (_what, user, cluster, context, said) => {
    await write({ ...user, 'client-certificate-data': undefined }, cluster, context);
    const message = await failure();
    expect(message).toContain(said);
    expect(message).toContain(kubeconfig);
    expect(fixture.server.requests).toEqual([]);
  });

  it('with a certificate that is none says whose', async () => {
    const data = Buffer.from('secret').toString('base64');
    await write({ 'client-certificate-data': data, 'client-key-data': data });
    expect(await failure()).toContain(`user 'u' of ${kubeconfig}: the CA, the certificate or the key`);
  });

  it.each([
    ['a device without end', () => '/dev/zero'],
    ['a directory', () => fixture.dir],
    // As a shell's <(…) gives: it can be read once, and a second open waits for ever, in one of Node's four threads.
    [
      'a pipe',
      () => {
        const pipe = join(fixture.dir, 'pipe');
        execFileSync('mkfifo', [pipe]);
        return pipe;
      },
    ],
  ])('or a token in %s is refused, and holds up nothing', async (_what, make) => {
    const path = make();
    expect(await failure({ kubeconfig: path })).toBe(
      `cannot read the kubeconfig ${path}: it is no regular file`,
    );
    await write({ tokenFile: path });
    expect(await failure()).toMatch(/^cannot read .*, the tokenFile of .*: it is no regular file$/);
  });
});

describe('files that are empty while they are replaced', () => {
  it.each([
    ['token', 'token holds an empty token'],
    ['ca.crt', 'ca.crt is empty'],
  ])('%s: the Pods are kept, and the watch goes on without a list', async (name, said) => {
    const content = await readFile(join(fixture.dir, name), 'utf8');
    const pods = new Watched(fixture.registry());
    const { server } = fixture;
    await pods.untilIds('10.0.0.1');
    await until(() => server.watches === 1, 'a watch');
    await fixture.write(name, '');
    server.sendBookmark();
    server.endWatches();
    await pods.untilError(said);
    expect(pods.ids).toEqual(['10.0.0.1:50051']);
    await fixture.write(name, content);
    server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
    await pods.untilIds('10.0.0.2');
    expect(server.of('list').filter(({ query }) => query.get('limit') !== '1')).toHaveLength(1);
    pods.close();
  });
});
