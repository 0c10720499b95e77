import { chmod, readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Followed, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { status } from '../testing/fake-api-server.ts';
import { Fixture } from '../testing/fixture.ts';
import { outcome, writeKubeconfig } from '../testing/kubeconfig.ts';
import { execCluster } from './exec-plugin.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await Fixture.withPod();
});

afterEach(() => fixture.close());

const POD = '10.0.0.1:50051';

describe('a credential plugin', () => {
  const API = 'client.authentication.k8s.io/v1';

  /** Writes a plugin that counts its runs in `runs` and prints `status`; the command line is part of its output. */
  async function plugin(body: string, exec: object = {}): Promise<void> {
    const file = join(fixture.dir, 'plugin');
    await fixture.write(
      'plugin',
      `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO $EXTRA $1" >> ${fixture.dir}/runs\n${body}\n`,
    );
    await chmod(file, 0o755);
    const env = [{ name: 'EXTRA', value: 'given' }];
    const all = {
      apiVersion: API,
      command: './plugin',
      args: ['argument-secret'],
      env,
      interactiveMode: 'Never',
      ...exec,
    };
    await writeKubeconfig(fixture, { user: { exec: all } });
  }

  const print = (status: object) =>
    `echo '${JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status })}'`;
  const runs = async () => (await readFile(join(fixture.dir, 'runs'), 'utf8')).trim().split('\n');
  const env = () => ({ ...fixture.env, PATH: process.env.PATH });

  it('runs in the environment of its own registry, and gives its token to no other', async () => {
    await plugin(
      `echo "{\\"apiVersion\\":\\"${API}\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$PROFILE-token\\"}}"`,
    );
    const first = new Followed(
      fixture.registry({ kubeconfig: join(fixture.dir, 'config'), env: { ...env(), PROFILE: 'good' } }),
      'orders',
    );
    await until(() => first.ids.length > 0, 'the first registry');
    expect(await outcome(fixture, { env: { ...env(), PROFILE: 'other' } })).toContain('did not accept');
    await first.close();
  });

  it('gives a token, told what it needs to know', async () => {
    await plugin(print({ token: 'good-token' }), { provideClusterInfo: true });
    expect(await outcome(fixture, { env: env() })).toBe(POD);
    const [line] = await runs();
    expect(line).toContain('given argument-secret');
    const info = JSON.parse(line!.slice(0, line!.lastIndexOf('}') + 1));
    expect(info.spec.interactive).toBe(false);
    expect(info.spec.cluster.server).toBe(`https://127.0.0.1:${fixture.server.port}`);
  });

  /** What the plugin was told of the cluster. */
  async function toldOf(cluster: object, exec: object = { provideClusterInfo: true }) {
    await plugin(print({ token: 'good-token' }), exec);
    const text = await readFile(join(fixture.dir, 'config'), 'utf8');
    const document = parse(text);
    Object.assign(document.clusters[0].cluster, cluster);
    await fixture.write('config', stringify(document));
    expect(await outcome(fixture, { env: env() })).toBe(POD);
    const line = (await runs()).at(-1)!;
    return JSON.parse(line.slice(0, line.lastIndexOf('}') + 1));
  }

  it('is told all that the kubeconfig says of the cluster, as client-go writes it', async () => {
    const server = `https://127.0.0.1:${fixture.server.port}`;
    const extensions = [
      { name: 'another', extension: { audience: 'wrong' } },
      {
        name: 'client.authentication.k8s.io/exec',
        extension: { audience: '06e3fbd18de8', list: [1, { deep: true }], none: null },
      },
    ];
    const more = { 'tls-server-name': 'localhost', 'disable-compression': true, extensions };
    const ca = (await readFile(join(fixture.dir, 'ca.crt'))).toString('base64');
    expect(await toldOf(more)).toEqual({
      apiVersion: API,
      kind: 'ExecCredential',
      spec: {
        cluster: {
          server,
          'tls-server-name': 'localhost',
          'certificate-authority-data': ca,
          'disable-compression': true,
          config: extensions[1]!.extension,
        },
        interactive: false,
      },
    });
    expect((await toldOf({ 'insecure-skip-tls-verify': true })).spec.cluster).toEqual({
      server,
      'insecure-skip-tls-verify': true,
      'certificate-authority-data': ca,
      config: null,
    });
  });

  it.each([
    ['', ''],
    ['/', '/'],
    ['/?a=b#c', '/?a=b#c'],
    ['/clusters/one/', '/clusters/one/'],
    ['/clusters/one?a=b#c', '/clusters/one'],
  ])('is told the server as it is written: with %s', (written, told) => {
    const server = `HTTPS://API.Example:443${written}`;
    expect(execCluster({ server }, new URL(server), undefined).server).toBe(`HTTPS://API.Example:443${told}`);
  });

  it('is told nothing of the cluster unless it asks', async () => {
    const { spec } = await toldOf({}, {});
    expect(spec).toEqual({ interactive: false });
  });

  it('is run again when what it is told changes', async () => {
    const extension = (audience: string) => ({
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience } }],
    });
    expect((await toldOf(extension('a'))).spec.cluster.config).toEqual({ audience: 'a' });
    expect((await toldOf(extension('b'))).spec.cluster.config).toEqual({ audience: 'b' });
  });

  it.each([
    ['a certificate', { clientCertificateData: 'c' }],
    ['a key', { token: 'good-token', clientKeyData: 'k' }],
  ])('that gives %s alone is refused, as by client-go', async (_what, status) => {
    await plugin(print(status));
    expect(await outcome(fixture, { env: env() })).toContain('printed a certificate or a key alone');
  });

  it('is run once until its credential expires', async () => {
    const clock = new VirtualClock();
    const expirationTimestamp = new Date(clock.wallMs() + 60_000).toISOString();
    await plugin(print({ token: 'good-token', expirationTimestamp }));
    const registry = fixture.registry({ kubeconfig: join(fixture.dir, 'config'), clock, env: env() });
    const watch = async () => {
      const followed = new Followed(registry, 'orders');
      await until(() => followed.ids.length === 1 || followed.ended, 'the Pod');
      expect(followed.error).toBeUndefined();
      await followed.close();
    };
    await watch();
    await watch();
    expect(await runs()).toHaveLength(1);
    await clock.advance(51_000);
    await watch();
    expect((await runs()).length).toBeGreaterThan(1);
  });

  it('is run again when its credential is refused before it expires', async () => {
    await plugin(
      `if [ $(wc -l < ${fixture.dir}/runs) -gt 1 ]; then ${print({ token: 'good-token' })}; else ${print({ token: 'stale-token' })}; fi`,
    );
    // The first namespace look-up caches the stale token; the list that follows is refused with it.
    expect(await outcome(fixture, { env: env() })).toBe(POD);
    expect(await runs()).toHaveLength(2);
  });

  it('is run again once for all whose requests were refused together', async () => {
    const body = `if [ $(wc -l < ${fixture.dir}/runs) -gt 1 ]; then ${print({ token: 'good-token' })}; else ${print({ token: 'stale-token' })}; fi`;
    await plugin(body);
    const services = ['orders', 'users', 'carts'];
    const refusals: ServerResponse[] = [];
    fixture.server.intercept = ({ authorization }, response) => {
      if (authorization !== 'Bearer stale-token') return false;
      refusals.push(response);
      // The last answer comes when the first refused request has its new token.
      const [first, second] = refusals.length === services.length ? refusals : [];
      for (const refused of [first, second]) refused && status(refused, 401, 'Unauthorized', 'Unauthorized');
      return true;
    };
    const registry = fixture.registry({ kubeconfig: join(fixture.dir, 'config'), env: env() });
    const all = services.map((service) => new Followed(registry, service));
    await until(() => fixture.server.watches === 2, 'the others to watch');
    status(refusals[2]!, 401, 'Unauthorized', 'Unauthorized');
    await until(() => all.every(({ updates, ended }) => updates.length > 0 || ended), 'all of them');
    expect(all.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(await runs()).toHaveLength(2);
    await Promise.all(all.map((followed) => followed.close()));
  });

  it.each([
    [
      'fails',
      'echo secret; echo secret >&2; exit 3',
      {},
      "'./plugin' failed with 3; run it by hand to see why",
    ],
    [
      'is not there',
      '',
      { command: 'no-such-plugin', installHint: 'get it at example.com' },
      "'no-such-plugin' was not found; get it at example.com",
    ],
    ['prints no JSON', 'echo secret', {}, "'./plugin' printed no JSON"],
    [
      'prints another kind',
      `echo '{"kind":"secret"}'`,
      {},
      'did not print an ExecCredential of client.authentication',
    ],
    ['prints nothing of use', print({}), {}, 'printed neither a token nor a certificate with its key'],
    [
      'prints no time',
      print({ token: 'secret', expirationTimestamp: 'soon' }),
      {},
      'expirationTimestamp that is no time',
    ],
    [
      'prints no token',
      print({ token: 'very secret' }),
      {},
      'holds a token with characters that no token has',
    ],
    ['prints too much', 'yes secret', {}, 'printed more than 1048576 bytes'],
    [
      'speaks another version',
      '',
      { apiVersion: 'client.authentication.k8s.io/v1alpha1' },
      'exec.apiVersion must be one of',
    ],
    ['needs a person', '', { interactiveMode: 'Always' }, 'exec.interactiveMode is Always'],
    ['has no command', '', { command: '' }, 'exec.command must be a command'],
  ])('that %s is told without what it printed', async (_what, body, exec, message) => {
    await plugin(body, exec);
    const said = await outcome(fixture, { env: env() });
    expect(said).toContain(message);
    expect(said).not.toContain('secret');
  });
});
