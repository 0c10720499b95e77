import { chmod, copyFile, mkdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Followed, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kubernetes } from '../kubernetes.ts';
import { currentCertificate } from '../testing/certificate.ts';
import { Fixture, slice } from '../testing/fixture.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await Fixture.open();
  fixture.server.store.put(slice('orders-a', [{ ip: '10.0.0.1' }]));
});

afterEach(() => fixture.close());

interface Parts {
  readonly user?: object;
  readonly cluster?: object;
  readonly context?: object;
  readonly rest?: object;
}

async function write({ user = { token: 'good-token' }, cluster = {}, context = {}, rest = {} }: Parts = {}) {
  const server = `https://127.0.0.1:${fixture.server.port}`;
  const ca = { 'certificate-authority': 'ca.crt' };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [{ name: 'c', cluster: { server, ...ca, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u', namespace: 'prod', ...context } }],
    ...rest,
  };
  await fixture.write('config', stringify(config));
}

/** What a watch of `orders` with that kubeconfig comes to: its Pods, or the error. */
async function outcome(options = {}, kubeconfig = join(fixture.dir, 'config')): Promise<string> {
  const followed = new Followed(fixture.registry({ kubeconfig, ...options }), 'orders');
  await until(() => followed.ended || followed.ids.length > 0, 'an outcome');
  await followed.close();
  return followed.error === undefined ? followed.ids.join() : (followed.error as Error).message;
}

const POD = '10.0.0.1:50051';

describe('a kubeconfig', () => {
  it('gives server, CA, token and namespace', async () => {
    await write();
    expect(await outcome()).toBe(POD);
    expect(fixture.server.requests[0]?.path).toContain('/namespaces/prod/');
  });

  it('may hold the CA as data, and the token in a file that is read each time', async () => {
    const ca = Buffer.from(fixture.server.certificate.cert).toString('base64');
    await write({
      cluster: { 'certificate-authority': undefined, 'certificate-authority-data': ca },
      user: { tokenFile: './token' },
    });
    expect(await outcome()).toBe(POD);
    await fixture.write('token', 'old-token');
    expect(await outcome()).toContain(`from ${join(fixture.dir, 'token')}: 401 Unauthorized`);
  });

  it('may hold a client certificate, as files or data', async () => {
    const { cert, key } = currentCertificate('client');
    await fixture.write('client.crt', cert);
    await fixture.write('client.key', key);
    await write({
      user: { 'client-certificate': 'client.crt', 'client-key': 'client.key', token: 'good-token' },
    });
    expect(await outcome()).toBe(POD);
    const data = (text: string) => Buffer.from(text).toString('base64');
    await write({
      user: { 'client-certificate-data': data(cert), 'client-key-data': data(key), token: 'good-token' },
    });
    expect(await outcome()).toBe(POD);
    await write({ user: { 'client-certificate': 'client.crt' } });
    expect(await outcome()).toContain('a client certificate and its key go together');
  });

  it('of several contexts uses the one that is asked for', async () => {
    const contexts = [
      { name: 'main', context: { cluster: 'nowhere', user: 'u' } },
      { name: 'prod', context: { cluster: 'c', user: 'u', namespace: 'prod' } },
    ];
    await write({ rest: { contexts } });
    expect(await outcome({ context: 'prod' })).toBe(POD);
    expect(await outcome({ context: 'prd' })).toContain("context 'prd' is unknown; did you mean 'prod'?");
    expect(await outcome()).toContain("contexts[main].context.cluster 'nowhere' is not one of: c");
  });

  it('may be spread over several files, of which the first to say something counts', async () => {
    await write();
    await fixture.write('first', stringify({ users: [{ name: 'u', user: { token: 'other' } }] }));
    const both = [join(fixture.dir, 'absent'), join(fixture.dir, 'first'), join(fixture.dir, 'config')];
    expect(await outcome({}, both.join(delimiter))).toContain(`user 'u' of ${join(fixture.dir, 'first')}`);
  });

  it('is found where KUBECONFIG says, and in the home directory', async () => {
    await write();
    const find = async (env: Record<string, string>) => {
      const followed = new Followed(kubernetes({ env }), 'orders');
      await until(() => followed.ended || followed.ids.length > 0, 'an outcome');
      await followed.close();
      return followed.ids.join();
    };
    expect(await find({ ...fixture.env, KUBECONFIG: join(fixture.dir, 'config') })).toBe(POD);
    await mkdir(join(fixture.dir, '.kube'));
    for (const file of ['config', 'ca.crt']) {
      await copyFile(join(fixture.dir, file), join(fixture.dir, '.kube', file));
    }
    expect(await find({ HOME: fixture.dir })).toBe(POD);
  });

  it('keeps to its context while the process runs', async () => {
    await write();
    const registry = fixture.registry({ kubeconfig: join(fixture.dir, 'config'), clock: new VirtualClock() });
    const first = new Followed(registry, 'orders');
    await until(() => first.ids.length === 1, 'the Pod');
    await first.close();
    const elsewhere = { name: 'other', context: { cluster: 'c', user: 'u', namespace: 'elsewhere' } };
    const main = { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'prod' } };
    await write({ rest: { 'current-context': 'other', contexts: [elsewhere, main] } });
    const second = new Followed(registry, 'orders');
    await until(() => second.ids.length === 1, 'the Pod');
    await second.close();
  });

  it.each([
    [
      'a provider that is gone',
      { user: { 'auth-provider': { name: 'gcp' } } },
      'was removed from Kubernetes in 1.26',
    ],
    ['impersonation', { user: { token: 'good-token', as: 'root' } }, 'as is not supported (impersonation)'],
    ['a proxy', { cluster: { 'proxy-url': 'http://proxy' } }, 'proxy-url is not supported'],
    ['no URL', { cluster: { server: '127.0.0.1' } }, 'must be an https URL'],
    ['a password in the URL', { cluster: { server: 'https://a:secret@h' } }, 'must not hold a password'],
    [
      'credentials for http',
      { cluster: { server: 'http://127.0.0.1:1' } },
      'credentials are not sent to http://127.0.0.1:1',
    ],
    [
      'a missing file',
      { cluster: { 'certificate-authority': 'nowhere.crt' } },
      'nowhere.crt, the certificate-authority of',
    ],
    ['lists that are none', { rest: { users: 'u' } }, 'users must be a list'],
    [
      'a user without a name',
      { rest: { users: [{ user: { token: 'secret' } }] } },
      'users[0].name must be a string',
    ],
    ['no current context', { rest: { 'current-context': '' } }, 'no current-context; set options.context'],
  ])('with %s says so', async (_what, parts, message) => {
    await write(parts);
    const said = await outcome();
    expect(said).toContain(message);
    expect(said).not.toContain('secret');
  });

  it('that is no YAML names the line and does not show it', async () => {
    await fixture.write('config', 'users:\n- name: u\n  user: {token: very-secret\nkind: [');
    const said = await outcome();
    expect(said).toMatch(/is no YAML: see line \d$/);
    expect(said).not.toContain('very-secret');
  });

  it('that is not there is named', async () => {
    expect(await outcome({}, '/nowhere/config')).toBe('cannot read the kubeconfig /nowhere/config: ENOENT');
  });

  it('may skip the check of the certificate, or check it for another name', async () => {
    const foreign = { 'certificate-authority': undefined };
    await write({ cluster: { ...foreign, 'insecure-skip-tls-verify': true } });
    expect(await outcome()).toBe(POD);
    await write({ cluster: foreign });
    expect(await outcome()).toContain('its certificate is not signed by the configured CA');
    await write({ cluster: { 'tls-server-name': 'kubernetes.example' } });
    expect(await outcome()).toContain('set tls-server-name if that is right');
    await write({ cluster: { 'tls-server-name': 'localhost' } });
    expect(await outcome()).toBe(POD);
  });
});

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
    await write({ user: { exec: all } });
  }

  const print = (status: object) =>
    `echo '${JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status })}'`;
  const runs = async () => (await readFile(join(fixture.dir, 'runs'), 'utf8')).trim().split('\n');
  const env = () => ({ ...fixture.env, PATH: process.env.PATH });

  it('gives a token, told what it needs to know', async () => {
    await plugin(print({ token: 'good-token' }), { provideClusterInfo: true });
    expect(await outcome({ env: env() })).toBe(POD);
    const [line] = await runs();
    expect(line).toContain('given argument-secret');
    const info = JSON.parse(line!.slice(0, line!.lastIndexOf('}') + 1));
    expect(info.spec.interactive).toBe(false);
    expect(info.spec.cluster.server).toBe(`https://127.0.0.1:${fixture.server.port}/`);
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
    expect(await outcome({ env: env() })).toBe(POD);
    expect(await runs()).toHaveLength(2);
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
    const said = await outcome({ env: env() });
    expect(said).toContain(message);
    expect(said).not.toContain('secret');
  });
});
