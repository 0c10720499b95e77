// What a user's program does with the packages, whichever way it got them: serves, calls, reads YAML, meets wrong input.
const { strict: assert } = require('node:assert');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { version } = require('podwire/package.json');

const raw = (bytes) => bytes;
const ECHO = { path: '/test.Echo/Get', requestStream: false, responseStream: false };
const method = {
  ...ECHO,
  requestSerialize: raw,
  requestDeserialize: raw,
  responseSerialize: raw,
  responseDeserialize: raw,
};

/** Serves an echo and gRPC's health: the provider. */
exports.serveEcho = async ({ grpc, provider }) => {
  const server = new grpc.Server();
  const get = ({ request, metadata }, callback) => {
    const [agent] = metadata.get('user-agent');
    const isRight = agent === `grpc-node-podwire/${version}`;
    callback(isRight ? null : { code: grpc.status.FAILED_PRECONDITION, details: `from ${agent}` }, request);
  };
  server.addService({ get: method }, { get });
  const credentials = grpc.ServerCredentials.createInsecure();
  return await provider.serve(server, { address: '127.0.0.1:0', credentials, signals: [], noticeMs: 0 });
};

const call = (client, path, bytes) =>
  new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + 20_000 };
    client.makeUnaryRequest(path, raw, raw, bytes, options, (error, reply) =>
      error ? reject(error) : resolve(reply),
    );
  });

/** Calls the Pod at `address` over `transport`. */
exports.callEcho = async ({ grpc, podwire }, address, transport) => {
  const channel = podwire.createChannel(`static:///${address}`, { transport });
  const client = new grpc.Client('echo', grpc.credentials.createInsecure(), { channelOverride: channel });
  try {
    for (const size of [0, 5, 100_000]) {
      const sent = Buffer.alloc(size, 'x');
      assert.ok(sent.equals(await call(client, ECHO.path, sent)), `${size} bytes came back`);
    }
    const health = await call(client, '/grpc.health.v1.Health/Check', Buffer.alloc(0));
    assert.deepEqual([...health], [8, 1], 'the health is SERVING');
  } finally {
    await channel.close({ graceMs: 0 });
  }
};

const checkInput = async ({ podwire, registry, nacos }) => {
  assert.equal(registry.parseYaml('a: [1]').a[0], 1, 'YAML is read');
  assert.throws(
    () => podwire.createChannel('static:///127.0.0.1:1', { policy: 'x' }),
    (error) =>
      error instanceof registry.InvalidInput &&
      error instanceof podwire.InvalidInput &&
      error.name === 'InvalidInput' &&
      error.path === 'options.policy',
  );
  const folder = mkdtempSync(join(tmpdir(), 'podwire-config-'));
  try {
    const file = join(folder, 'podwire.yaml');
    writeFileSync(file, 'services:\n  orders: { target: "static:///127.0.0.1:1" }\n');
    await podwire.createPodwire(file).close({ graceMs: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
  const pods = nacos
    .nacos({ servers: ['127.0.0.1:1'], protocol: 'http' })
    .watch('orders', { signal: new AbortController().signal });
  await assert.rejects(async () => {
    for await (const _ of pods) break;
  }, /npm install nacos@/);
};

/** Runtimes whose node:http2 differs from Node's. */
const isRewrite = process.versions.bun !== undefined || process.versions.deno !== undefined;

/** All of it, in one process. */
exports.scenario = async (modules) => {
  await checkInput(modules);
  const served = await exports.serveEcho(modules);
  await exports.callEcho(modules, served.address, 'http2');
  if (isRewrite)
    await assert.rejects(exports.callEcho(modules, served.address, 'node-http2'), {
      name: 'InvalidInput',
      path: 'options.transport',
      message: /is not supported on (Bun|Deno)/,
    });
  else await exports.callEcho(modules, served.address, 'node-http2');
  await served.drain();
};
