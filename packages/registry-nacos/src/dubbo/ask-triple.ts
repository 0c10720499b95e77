import {
  closeText,
  ErrorCode,
  header,
  type MethodHead,
  type StreamEnd,
  type Transport,
  USER_AGENT,
} from '@podwire/http2';
import { field, fields } from '../rpc/protobuf.ts';
import { HessianReader, hessianText } from './hessian.ts';
import type { MetadataService } from './metadata-service.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const V2 = 'org.apache.dubbo.metadata.MetadataServiceV2';
const V1 = 'org.apache.dubbo.metadata.MetadataService';

/** Asks a Pod's metadata service over Triple: in protobuf since 2.0.0, before that in Hessian within protobuf. */
export async function askTriple(
  transport: Transport,
  at: MetadataService,
  revision: string,
  signal: AbortSignal,
): Promise<unknown> {
  if (at.version === '2.0.0') {
    return readInfo(await call(transport, at, `/${V2}/GetMetadataInfo`, field(1, revision), signal));
  }
  // TripleRequestWrapper { serializeType = 1; repeated bytes args = 2; repeated string argTypes = 3; }
  const wrapped = [field(1, 'hessian2'), field(2, hessianText(revision)), field(3, 'java.lang.String')];
  const answer = await call(transport, at, `/${V1}/getMetadataInfo`, Buffer.concat(wrapped), signal);
  // TripleResponseWrapper { serializeType = 1; data = 2; type = 3; }
  for (const { number, value } of fields(answer)) if (number === 2) return new HessianReader(value).read();
  throw new Error('its answer is empty');
}

function call(
  transport: Transport,
  { host, port, application, version }: MetadataService,
  path: string,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const headers = ['te', 'trailers', 'content-type', 'application/grpc+proto', 'user-agent', USER_AGENT];
  const named = ['tri-service-version', version, 'tri-service-group', application];
  const method: MethodHead = { path, authority: `${host}:${port}`, headers: [...headers, ...named] };
  return new Promise((resolve, reject) => {
    let answer: Uint8Array | undefined;
    const open = () => {
      const stream = connection.open(
        { method, headers: [], maxReceiveBytes: MAX_BYTES },
        {
          onHeaders() {},
          onMessage(received) {
            answer = received;
          },
          onEnd(end) {
            if (answer === undefined) reject(new Error(whyNot(end)));
            else resolve(answer);
            connection.destroy('it has answered');
          },
        },
      );
      stream?.request(2);
      stream?.sendMessage(message, false, true, undefined);
      signal.addEventListener('abort', () => stream?.cancel(ErrorCode.CANCEL), { once: true });
    };
    const connection = transport.connect(
      {
        ...{ host, port, tls: undefined, connectTimeoutMs: 3_000, maxHeaderListBytes: 16 * 1024 },
        ...{ keepaliveTimeMs: 0, keepaliveTimeoutMs: 0, keepaliveWithoutCalls: false },
      },
      {
        onReady: open,
        onDraining() {},
        onClosed: (cause) =>
          reject(new Error(cause === undefined ? 'it closed the connection' : closeText(cause))),
        onRoom() {},
      },
    );
    signal.addEventListener('abort', () => connection.destroy('no answer in time'), { once: true });
  });
}

/** MetadataInfoV2 { app = 1; version = 2; map<string, ServiceInfoV2> services = 3; } */
function readInfo(message: Uint8Array): unknown {
  const services: Record<string, unknown> = Object.create(null);
  for (const { number, value } of fields(message)) {
    if (number !== 3) continue;
    const entry = readTexts(value, ['key', undefined]);
    for (const part of fields(value)) {
      // ServiceInfoV2 { name = 1; group = 2; version = 3; protocol = 4; … }
      if (part.number === 2)
        services[entry.key ?? ''] = readTexts(part.value, ['name', 'group', 'version', 'protocol']);
    }
  }
  return { services };
}

/** Fields of text by their numbers, the first being 1. */
function readTexts(message: Uint8Array, names: readonly (string | undefined)[]) {
  const texts: Record<string, string> = {};
  for (const { number, value } of fields(message)) {
    const name = names[number - 1];
    if (name !== undefined) texts[name] = Buffer.from(value).toString();
  }
  return texts;
}

function whyNot(end: StreamEnd): string {
  switch (end.kind) {
    case 'trailers': {
      const said = header(end.headers, 'grpc-message');
      return `it answered without metadata${said === undefined ? '' : `: ${said.slice(0, 200)}`}`;
    }
    case 'unprocessed':
    case 'connection-lost':
      return closeText(end.cause);
    case 'protocol-error':
      return end.reason;
    default:
      return `the call ended: ${end.kind}`;
  }
}
