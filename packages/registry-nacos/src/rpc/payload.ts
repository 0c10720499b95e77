import { field, fields, present } from './protobuf.ts';

/** A message in either direction: the class name of a request or response, and its fields as JSON. */
export interface Payload {
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
}

// nacos_grpc_service.proto: Payload { Metadata metadata = 2; Any body = 3; },
// Metadata { string type = 3; map<string, string> headers = 7; string clientIp = 8; }, Any { bytes value = 2; }
const METADATA = 2;
const BODY = 3;
const TYPE = 3;
const HEADERS = 7;
const VALUE = 2;

export function encodePayload(
  type: string,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const entries = Object.entries(headers).map(([name, value]) =>
    present(HEADERS, Buffer.concat([field(1, name), field(2, value)])),
  );
  const metadata = Buffer.concat([field(TYPE, type), ...entries]);
  return Buffer.concat([present(METADATA, metadata), present(BODY, field(VALUE, JSON.stringify(body)))]);
}

/** Throws when the bytes are not a payload; the error shows none of its content, which may hold a secret. */
export function decodePayload(bytes: Uint8Array): Payload {
  let type = '';
  let json = '';
  for (const part of fields(bytes)) {
    if (part.number === METADATA) type = text(part.value, TYPE);
    if (part.number === BODY) json = text(part.value, VALUE);
  }
  let body: unknown;
  try {
    body = json === '' ? {} : JSON.parse(json);
  } catch {
    throw new Error(`the body of a ${type} is not JSON`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Error(`the body of a ${type} is not an object`);
  }
  return { type, body: body as Record<string, unknown> };
}

function text(message: Uint8Array, number: number): string {
  let last = '';
  for (const part of fields(message)) if (part.number === number) last = Buffer.from(part.value).toString();
  return last;
}
