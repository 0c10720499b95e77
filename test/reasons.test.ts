import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { ChannelOptions, PodwireChannel, PodwireStatus, Reason } from 'podwire';
import { afterEach, expect, test } from 'vitest';
import {
  frame,
  frameReader,
  literal,
  message,
  OK_BLOCK,
  okHeaders,
  settings,
  TYPE,
  uint32,
} from './http2/frames.mjs';
import { createChannel } from './support/channel.ts';
import { ordersClient } from './support/orders-client.ts';

// Each reason of docs/errors.md once for real, with the text that a person reads.
interface Provocation {
  /** What the Pod answers to a call; without it, nothing. `hang-up` ends the connection. */
  readonly reply?: (streamId: number) => Buffer | 'hang-up';
  /** Calls at a time that the Pod allows. */
  readonly maxStreams?: number;
  readonly options?: ChannelOptions;
  readonly call?: grpc.CallOptions;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Done when the Pod has seen the call. */
  readonly onceSeen?: (call: grpc.ClientUnaryCall, channel: PodwireChannel) => void;
  /** With `POD` for the Pod's address and `N` for a time. */
  readonly says: string;
}

const cert = (name: string) => fileURLToPath(new URL(`certs/${name}`, import.meta.url));
const resets = (errorCode: number) => (id: number) => frame(TYPE.RST, 0, id, uint32(errorCode));
const failingCredentials = grpc.credentials.createFromMetadataGenerator((_, done) => {
  done(new Error('the token service is away'));
});
const ON_POD = '[orders /podwire.test.Orders/Get; tried POD; N ms]';
const ON_NONE = '[orders /podwire.test.Orders/Get; sent to no Pod; N ms]';

// OVER_LIMIT needs calls before it: test/fleet/overload.test.ts.
const PROVOCATIONS: Readonly<Record<Exclude<Reason, 'OVER_LIMIT'>, Provocation>> = {
  DEADLINE_EXCEEDED: {
    call: { deadline: 500 },
    says: `deadline exceeded after N ms, N ms of it on POD without a reply ${ON_POD}`,
  },
  CANCELLED: { onceSeen: (call) => call.cancel(), says: 'Cancelled on client' },
  NO_ENDPOINTS: {
    metadata: { 'podwire-pod': '10.0.0.9:1' },
    says: `the call names the Pod 10.0.0.9:1, which is not in the set ${ON_NONE}`,
  },
  NO_CONNECTION: {
    options: { tls: true, connectTimeoutMs: 5_000 },
    says: `no Pod can be connected to (POD: ERR_SSL_WRONG_VERSION_NUMBER: the port does not speak TLS; the option tls must go, or the port is another) ${ON_NONE}`,
  },
  WAIT_TIMEOUT: {
    maxStreams: 0,
    options: { waiting: { timeoutMs: 50 } },
    says: `no Pod took the call in N ms; waited for room on a Pod of orders (POD: every stream that it allows is in use) ${ON_NONE}`,
  },
  WAIT_QUEUE_FULL: {
    maxStreams: 0,
    options: { waiting: { maxCalls: 0 } },
    says: `0 calls (waiting.maxCalls) wait already for room on a Pod of orders (POD: every stream that it allows is in use) ${ON_NONE}`,
  },
  CONNECTION_LOST: { reply: () => 'hang-up', says: `the Pod closed the connection ${ON_POD}` },
  REFUSED: {
    reply: resets(7),
    says: `the Pod refused the stream ${ON_POD.replace('POD', 'POD (2 times)')}`,
  },
  RESET: { reply: resets(2), says: `the server reset the stream with INTERNAL_ERROR ${ON_POD}` },
  PROTOCOL_ERROR: {
    reply: (id) => Buffer.concat([okHeaders(id), frame(TYPE.DATA, 0, id, message(Buffer.from('a'), 7))]),
    says: `a message begins with the flag 7; 0 or 1 is allowed ${ON_POD}`,
  },
  NOT_GRPC: {
    reply: (id) => frame(TYPE.HEADERS, 5, id, literal(':status', '404')),
    says: `HTTP status 404 instead of a gRPC reply ${ON_POD}`,
  },
  MESSAGE_TOO_LARGE: {
    options: { maxSendBytes: 1 },
    says: `the message to send of 6 bytes is larger than the limit of 1 ${ON_NONE}`,
  },
  HEADERS_TOO_LARGE: {
    options: { maxHeaderBytes: 1024 },
    reply: (id) => frame(TYPE.HEADERS, 4, id, Buffer.concat([OK_BLOCK, literal('x', 'y'.repeat(2_000))])),
    says: `received headers of 2135 bytes are larger than maxHeaderBytes, 1024 ${ON_POD}`,
  },
  INVALID_CALL: {
    metadata: { large: 'x'.repeat(70_000) },
    says: `metadata of 70037 bytes is larger than the limit of 61440 ${ON_NONE}`,
  },
  CREDENTIALS: {
    options: { tls: { caFile: cert('ca-one.pem'), serverName: 'localhost' } },
    call: { credentials: failingCredentials },
    says: `call credentials failed: the token service is away ${ON_NONE}`,
  },
  INSECURE_CREDENTIALS: {
    call: { credentials: failingCredentials },
    says: `call credentials are not sent over a plaintext connection: configure tls, or remove them ${ON_NONE}`,
  },
  CHANNEL_CLOSED: {
    onceSeen: (_, channel) => void channel.close({ graceMs: 0 }),
    says: `the channel was closed ${ON_POD}`,
  },
};

const closing: (() => unknown)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

/** Speaks frames, and TLS when the channel trusts it. */
async function startPod({ reply, maxStreams = 100, options }: Provocation, onCall: () => void) {
  const sockets = new Set<Socket>();
  const speak = (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.write(settings([3, maxStreams]));
    const onFrame = ({ type, streamId }: { type: number; streamId: number }) => {
      if (type !== TYPE.HEADERS) return;
      onCall();
      const answer = reply?.(streamId);
      if (answer === 'hang-up') socket.destroy();
      else if (answer !== undefined) socket.write(answer);
    };
    socket.on('data', frameReader(onFrame));
  };
  const pem = (name: string) => readFileSync(cert(name));
  const secure = { cert: pem('server-one.pem'), key: pem('server-one.key'), ALPNProtocols: ['h2'] };
  const server = typeof options?.tls === 'object' ? createTlsServer(secure, speak) : createServer(speak);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each(Object.entries(PROVOCATIONS))('%s says what happened', async (reason, provocation) => {
  const { options, call: callOptions = {}, metadata = {}, onceSeen, says } = provocation;
  let seen = () => {};
  const pod = await startPod(provocation, () => setImmediate(() => seen()));
  const channel = createChannel(`static:///${pod}`, { name: 'orders', ...options });
  closing.push(() => channel.close({ graceMs: 0 }));
  // Not as long as the calls wait, which may be short.
  if (reason !== 'NO_CONNECTION') await channel.ready({ timeoutMs: 10_000 });
  const sent = grpc.Metadata.fromHttp2Headers(metadata);
  const deadline =
    callOptions.deadline === undefined ? {} : { deadline: Date.now() + Number(callOptions.deadline) };
  const error = await new Promise<grpc.ServiceError & Partial<PodwireStatus>>((resolve, reject) => {
    const call = ordersClient(channel).get({ id: 'long' }, sent, { ...callOptions, ...deadline }, (failed) =>
      failed === null ? reject(new Error('the call succeeded')) : resolve(failed),
    );
    seen = () => onceSeen?.(call, channel);
  });
  expect(error.reason).toBe(reason);
  expect(error.details.replaceAll(pod, 'POD').replace(/\d+(?= ms)/g, 'N')).toBe(says);
});
