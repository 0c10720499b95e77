import { copyFile, mkdir, rename } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Followed, until, VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kubernetes } from '../kubernetes.ts';
import type { KubernetesOptions } from '../options.ts';
import { currentCertificate } from '../testing/certificate.ts';
import { Fixture } from '../testing/fixture.ts';
import { outcome, writeKubeconfig } from '../testing/kubeconfig.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await Fixture.withPod();
});

afterEach(() => fixture.close());

const POD = '10.0.0.1:50051';

describe('a kubeconfig', () => {
  it('gives server, CA, token and namespace', async () => {
    await writeKubeconfig(fixture);
    expect(await outcome(fixture)).toBe(POD);
    expect(fixture.server.requests[0]?.path).toContain('/namespaces/prod/');
  });

  it('may hold the CA as data, and the token in a file that is read each time', async () => {
    const ca = Buffer.from(fixture.server.certificate.cert).toString('base64');
    await writeKubeconfig(fixture, {
      cluster: { 'certificate-authority': undefined, 'certificate-authority-data': ca },
      user: { tokenFile: './token' },
    });
    expect(await outcome(fixture)).toBe(POD);
    await fixture.write('token', 'old-token');
    expect(await outcome(fixture)).toContain(`from ${join(fixture.dir, 'token')}: 401 Unauthorized`);
  });

  it('may hold a client certificate, as files or data', async () => {
    const { cert, key } = currentCertificate('client');
    await fixture.write('client.crt', cert);
    await fixture.write('client.key', key);
    await writeKubeconfig(fixture, {
      user: { 'client-certificate': 'client.crt', 'client-key': 'client.key', token: 'good-token' },
    });
    expect(await outcome(fixture)).toBe(POD);
    const data = (text: string) => Buffer.from(text).toString('base64');
    await writeKubeconfig(fixture, {
      user: { 'client-certificate-data': data(cert), 'client-key-data': data(key), token: 'good-token' },
    });
    expect(await outcome(fixture)).toBe(POD);
    await writeKubeconfig(fixture, { user: { 'client-certificate': 'client.crt' } });
    expect(await outcome(fixture)).toContain('a client certificate and its key go together');
  });

  it('of several contexts uses the one that is asked for', async () => {
    const contexts = [
      { name: 'main', context: { cluster: 'nowhere', user: 'u' } },
      { name: 'prod', context: { cluster: 'c', user: 'u', namespace: 'prod' } },
    ];
    await writeKubeconfig(fixture, { rest: { contexts } });
    expect(await outcome(fixture, { context: 'prod' })).toBe(POD);
    expect(await outcome(fixture, { context: 'prd' })).toContain(
      "context 'prd' is unknown; did you mean 'prod'?",
    );
    expect(await outcome(fixture)).toContain("contexts[main].context.cluster 'nowhere' is not one of: c");
  });

  it('may be spread over several files, of which the first to say something counts', async () => {
    await writeKubeconfig(fixture);
    await fixture.write('first', stringify({ users: [{ name: 'u', user: { token: 'other' } }] }));
    const both = [join(fixture.dir, 'absent'), join(fixture.dir, 'first'), join(fixture.dir, 'config')];
    expect(await outcome(fixture, {}, both.join(delimiter))).toContain(
      `user 'u' of ${join(fixture.dir, 'first')}`,
    );
  });

  it('in the home directory is used outside of a Pod: an environment alone does not make a process a Pod', async () => {
    await mkdir(join(fixture.dir, '.kube'));
    await writeKubeconfig(fixture, { cluster: { 'certificate-authority': '../ca.crt' } });
    await rename(join(fixture.dir, 'config'), join(fixture.dir, '.kube', 'config'));
    // Where the kubelet says that an API server is, there is none.
    const env = { ...fixture.env, KUBERNETES_SERVICE_PORT: '1', HOME: fixture.dir };
    const find = async (options: KubernetesOptions) => {
      const followed = new Followed(kubernetes({ env, ...options }), 'orders');
      await until(() => followed.ended || followed.ids.length > 0, 'an outcome');
      await followed.close();
      return followed.error === undefined ? followed.ids.join() : (followed.error as Error).message;
    };
    expect(await find({})).toBe(POD);
    // A user that names the account's directory means the account.
    const empty = join(fixture.dir, 'empty');
    expect(await find({ serviceAccountDir: empty })).toContain(`cannot read ${join(empty, 'token')}`);
    expect(await find({ serviceAccountDir: fixture.dir })).toContain('https://127.0.0.1:1');
    expect(await find({ serviceAccountDir: empty, context: 'main' })).toBe(POD);
  });

  it('that is not there leaves the error of a Pod without a token', async () => {
    const env = { ...fixture.env, HOME: fixture.dir };
    const followed = new Followed(kubernetes({ env }), 'orders');
    await followed.done;
    expect((followed.error as Error).message).toContain('automountServiceAccountToken');
  });

  it('is found where KUBECONFIG says, and in the home directory', async () => {
    await writeKubeconfig(fixture);
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

  it.each([undefined, ''])(
    'whose context names no user (%j) has no credentials, as behind a kubectl proxy',
    async (user) => {
      await writeKubeconfig(fixture, { context: { user } });
      expect(await outcome(fixture)).toContain(
        `did not accept the credentials from context 'main' of ${join(fixture.dir, 'config')}, which names no user`,
      );
      expect(fixture.server.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    },
  );

  it('keeps to its context while the process runs', async () => {
    await writeKubeconfig(fixture);
    const registry = fixture.registry({ kubeconfig: join(fixture.dir, 'config'), clock: new VirtualClock() });
    const first = new Followed(registry, 'orders');
    await until(() => first.ids.length === 1, 'the Pod');
    await first.close();
    const elsewhere = { name: 'other', context: { cluster: 'c', user: 'u', namespace: 'elsewhere' } };
    const main = { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'prod' } };
    await writeKubeconfig(fixture, { rest: { 'current-context': 'other', contexts: [elsewhere, main] } });
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
    await writeKubeconfig(fixture, parts);
    const said = await outcome(fixture);
    expect(said).toContain(message);
    expect(said).not.toContain('secret');
  });

  it('that is no YAML names the line and does not show it', async () => {
    await fixture.write('config', 'users:\n- name: u\n  user: {token: very-secret\nkind: [');
    const said = await outcome(fixture);
    expect(said).toMatch(/is no YAML: see line \d$/);
    expect(said).not.toContain('very-secret');
  });

  it('that is not there is named', async () => {
    expect(await outcome(fixture, {}, '/nowhere/config')).toBe(
      'cannot read the kubeconfig /nowhere/config: ENOENT',
    );
  });

  it('may skip the check of the certificate, or check it for another name', async () => {
    const foreign = { 'certificate-authority': undefined };
    await writeKubeconfig(fixture, { cluster: { ...foreign, 'insecure-skip-tls-verify': true } });
    expect(await outcome(fixture)).toBe(POD);
    await writeKubeconfig(fixture, { cluster: foreign });
    expect(await outcome(fixture)).toContain('its certificate is not signed by the configured CA');
    await writeKubeconfig(fixture, { cluster: { 'tls-server-name': 'kubernetes.example' } });
    expect(await outcome(fixture)).toContain('set tls-server-name if that is right');
    await writeKubeconfig(fixture, { cluster: { 'tls-server-name': 'localhost' } });
    expect(await outcome(fixture)).toBe(POD);
  });
});
