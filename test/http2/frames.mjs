// Frames of HTTP/2 for peers that break its rules: they are put together without any check.
export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST: 3,
  SETTINGS: 4,
  PUSH: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW: 8,
  CONTINUATION: 9,
};
export const PREFACE_BYTES = 24;

export function frame(type, flags, streamId, payload = Buffer.alloc(0), length = payload.length) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export const uint32 = (...values) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
};

export const settings = (...pairs) => {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [i, [setting, value]] of pairs.entries()) {
    payload.writeUInt16BE(setting, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(TYPE.SETTINGS, 0, 0, payload);
};

/** A field as a literal without Huffman code; `kind` 0x00 keeps it out of the table, 0x40 puts it there. */
export function literal(name, value, kind = 0) {
  return Buffer.concat([Buffer.from([kind]), text(name), text(value)]);
}

function text(value) {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  while (rest >= 128) {
    length.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** `:status: 200` is entry 8 of the static table. */
export const OK_BLOCK = Buffer.concat([Buffer.from([0x88]), literal('content-type', 'application/grpc')]);
export const okHeaders = (streamId) => frame(TYPE.HEADERS, 4, streamId, OK_BLOCK);
export const trailers = (streamId, status = '0') =>
  frame(TYPE.HEADERS, 5, streamId, literal('grpc-status', status));

export function message(bytes, compressed = 0) {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed;
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Cuts what a client sends; calls back with { type, flags, streamId, payload } of each frame behind the preface. */
export function frameReader(onFrame) {
  let rest = Buffer.alloc(0);
  let skip = PREFACE_BYTES;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    if (rest.length < skip) return;
    rest = rest.subarray(skip);
    skip = 0;
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) return;
      const payload = rest.subarray(9, 9 + length);
      onFrame({ type: rest[3], flags: rest[4], streamId: rest.readUInt32BE(5), payload });
      rest = rest.subarray(9 + length);
    }
  };
}
