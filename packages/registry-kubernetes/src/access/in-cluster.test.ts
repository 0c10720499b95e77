import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Followed, until } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { currentCertificate, makeCertificate } from '../testing/certificate.ts';
import { status } from '../testing/fake-api-server.ts';
import { Fixture, slice } from '../testing/fixture.ts';
import { Watched } from '../testing/watched.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await Fixture.withPod();
});

afterEach(() => fixture.close());

/** How a watch of `orders` fails. */
async function failure(service = 'orders', options = {}): Promise<string> {
  const followed = new Followed(fixture.registry(options), service);
  await until(() => followed.ended || followed.last?.type === 'missing', 'the failure');
  const { last } = followed;
  await followed.close();
  return last?.type === 'missing' ? last.reason : (followed.error as Error).message;
}

describe('in a Pod', () => {
  it('the namespace is its own, unless the target or the options name one', async () => {
    const { server } = fixture;
    server.store.put({ ...slice('orders-x', [{ ip: '10.0.0.7' }]), namespace: 'other' });
    for (const [service, options, host] of [
      ['orders', {}, '10.0.0.1'],
      ['orders.other', {}, '10.0.0.7'],
      ['orders', { namespace: 'other' }, '10.0.0.7'],
      ['orders.prod', { namespace: 'other' }, '10.0.0.1'],
    ] as const) {
      const watched = new Watched(fixture.registry(options), service);
      await watched.untilIds(host);
      watched.close();
    }
  });

  it('a token that was rotated is used for the next request', async () => {
    const watched = new Watched(fixture.registry());
    const { server } = fixture;
    await watched.untilIds('10.0.0.1');
    await until(() => server.watches === 1, 'a watch');
    server.tokens.clear();
    server.tokens.add('next-token');
    await fixture.write('token', 'next-token\n');
    server.sendBookmark();
    server.endWatches();
    await until(() => server.of('watch').length === 2, 'the next watch');
    server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
    await watched.untilIds('10.0.0.2');
    expect(server.of('watch')[1]?.authorization).toBe('Bearer next-token');
    expect(watched.errors).toEqual([]);
    watched.close();
  });

  it('a token that comes late is waited for, and the Pods are kept meanwhile', async () => {
    const watched = new Watched(fixture.registry());
    const { server } = fixture;
    await watched.untilIds('10.0.0.1');
    await until(() => server.watches === 1, 'a watch');
    server.tokens.clear();
    server.tokens.add('next-token');
    server.sendBookmark();
    server.endWatches();
    await watched.untilError('401 Unauthorized');
    expect(watched.ids).toEqual(['10.0.0.1:50051']);
    await fixture.write('token', 'next-token');
    server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
    await watched.untilIds('10.0.0.2');
    watched.close();
  });

  it('a CA that was rotated is used for the next connection', async () => {
    const watched = new Watched(fixture.registry());
    const { server } = fixture;
    await watched.untilIds('10.0.0.1');
    const next = currentCertificate('next-ca');
    server.replaceCertificate(next);
    server.cut();
    await watched.untilError('its certificate is not signed by the configured CA');
    await fixture.write('ca.crt', next.cert);
    server.store.put(slice('orders-a', [{ ip: '10.0.0.2' }]));
    await watched.untilIds('10.0.0.2');
    watched.close();
  });
});

describe('one clear error, without a secret, when', () => {
  it('the token is wrong', async () => {
    await fixture.write('token', 'wrong-secret-token');
    const message = await failure();
    expect(message).toBe(
      `the API server https://127.0.0.1:${fixture.server.port} did not accept the credentials from ${join(fixture.dir, 'token')}: 401 Unauthorized; they are wrong, expired, or for another cluster`,
    );
  });

  it.each([
    ['list', 'cannot list resource "endpointslices" in API group "discovery.k8s.io" in the namespace "prod"'],
  ])('the verb %s is not allowed', async (verb, said) => {
    fixture.server.intercept = ({ kind }, response) => {
      if (kind !== verb) return false;
      status(response, 403, 'Forbidden', `endpointslices.discovery.k8s.io is forbidden: ${said}`);
      return true;
    };
    const message = await failure();
    expect(message).toContain(`not allowed to ${verb} endpointslices.discovery.k8s.io in namespace prod:`);
    expect(message).toContain('bind a Role with the verbs list and watch on endpointslices.discovery.k8s.io');
    expect(message).toContain(said);
  });

  it('none of the credentials is known, and anonymous requests are refused', async () => {
    fixture.server.intercept = (_request, response) => {
      const said = 'User "system:anonymous" cannot list resource "endpointslices" in the namespace "prod"';
      status(response, 403, 'Forbidden', `endpointslices.discovery.k8s.io is forbidden: ${said}`);
      return true;
    };
    const message = await failure();
    expect(message).toContain(`took none of the credentials from ${join(fixture.dir, 'token')}`);
    expect(message).not.toContain('bind a Role');
  });

  it('the Service or the namespace is not there', async () => {
    expect(await failure('users.stage')).toBe(
      'there are no endpointslices.discovery.k8s.io of a Service users in namespace stage: check both names (kubectl get endpointslices -n stage -l kubernetes.io/service-name=users)',
    );
  });

  it('no Pod is ready, or none has the port', async () => {
    fixture.server.store.put(slice('orders-a', [{ ip: '10.0.0.1', ready: false }]));
    expect(await failure()).toBe('Service orders in namespace prod: none of its 1 Pods is ready');
    fixture.server.store.put(slice('orders-a', [{ ip: '10.0.0.1' }]));
    expect(await failure('orders:http')).toBe(
      "Service orders in namespace prod: no port is called 'http': the Pods have grpc=50051",
    );
  });

  it('the API server is not there', async () => {
    await fixture.server.stop();
    expect(await failure()).toMatch(
      /^no answer from the API server https:.*: nothing listens there \(ECONNREFUSED\)$/,
    );
  });

  it.each([
    ['has expired', -2, -1, "has expired, or this machine's clock is wrong"],
    ['is not valid yet', 1, 2, "is not valid yet: this machine's clock is probably behind"],
  ])("the server's certificate %s", async (_what, fromDays, toDays, said) => {
    const day = 86_400_000;
    const bad = makeCertificate('fake', Date.now() + fromDays * day, Date.now() + toDays * day);
    fixture.server.replaceCertificate(bad);
    await fixture.write('ca.crt', bad.cert);
    expect(await failure()).toContain(said);
  });

  it('the service account is not mounted, or holds no token', async () => {
    await fixture.write('token', 'secret with spaces');
    expect(await failure()).toBe(
      `${join(fixture.dir, 'token')} holds a token with characters that no token has`,
    );
    await fixture.write('token', '\n');
    expect(await failure()).toBe(`${join(fixture.dir, 'token')} holds an empty token`);
    await rm(join(fixture.dir, 'token'));
    expect(await failure()).toContain('ENOENT; does the Pod mount its service account');
  });

  it('there is no cluster at all', async () => {
    const message = await failure('orders', { env: { HOME: fixture.dir } });
    expect(message).toContain('no cluster is known: this is no Pod (KUBERNETES_SERVICE_HOST is not set)');
  });

  it('the server answers with something else, which is quoted in bounds', async () => {
    fixture.server.intercept = (_request, response) => {
      status(response, 500, 'InternalError', `etcd\n\u001b[31m${'x'.repeat(10_000)}`);
      return true;
    };
    const message = await failure();
    expect(message).toContain('answered 500 (etcd [31mxxx');
    expect(message.length).toBeLessThan(500);
    expect(message).not.toMatch(/\p{C}/u);
  });
});

describe('options', () => {
  it.each([
    [{ kubeconfg: 'x' }, "options.kubeconfg is unknown; did you mean 'kubeconfig'?"],
    [{ addressTypes: ['IPV4'] }, 'options.addressTypes[0]: "IPV4" is unknown; did you mean \'IPv4\'?'],
    [{ addressTypes: [] }, 'options.addressTypes: [] must be a list of IPv4, IPv6, FQDN'],
    [{ namespace: 'Prod/x' }, 'options.namespace: "Prod/x" must be the name of a namespace'],
    [{ idleTimeoutMs: '90s' }, 'options.idleTimeoutMs: "90s" must be a number from 1000 to 3600000'],
    [{ requestTimeoutMs: Number.NaN }, 'options.requestTimeoutMs: NaN must be a number from 1000 to 3600000'],
    [{ context: '' }, 'options.context: "" must be a string that is not empty'],
  ])('that are wrong are refused at once: %j', (options, message) => {
    expect(() => fixture.registry(options as object)).toThrow(message);
  });
});

it('a watch that is aborted while it connects leaves nothing behind', async () => {
  const { server } = fixture;
  server.intercept = () => true;
  const followed = new Followed(fixture.registry(), 'orders');
  await until(() => server.requests.length === 1, 'a request');
  await followed.close();
  expect(followed.error).toBeUndefined();
  await until(() => server.connections === 0, 'the connection to be closed');
});
