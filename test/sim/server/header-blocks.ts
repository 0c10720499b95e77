/** Marks the status of a reply, so that it is known from what podwire says. */
export const POD_SAYS = 'the Pod says so';

/** A literal that no table keeps (RFC 7541 §6.2.2), without Huffman code. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** A literal that becomes the newest entry of the table (RFC 7541 §6.2.1). */
function kept(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}

/** `:status 200` is entry 8 of the static table. */
const STATUS_200 = Buffer.from([0x88]);
const TYPE: readonly [string, string] = ['content-type', 'application/grpc'];
const OK: readonly [string, string] = ['grpc-status', '0'];

/** Entries of the dynamic table begin behind the 61 static ones. */
const [TYPE_ENTRY, OK_ENTRY] = [Buffer.from([0xbf]), Buffer.from([0xbe])];

const plain = {
  head: Buffer.concat([STATUS_200, literal(...TYPE)]),
  ok: literal(...OK),
};

/** Encodes the headers of one connection's replies. `keeps`: with the table of the connection, as most servers do. */
export class HeaderBlocks {
  readonly #keeps: boolean;
  #isKept = { type: false, ok: false };

  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** The headers of a reply. */
  get head(): Buffer {
    if (!this.#keeps) return plain.head;
    // The table has the two in this order once both are in it; before that, positions differ.
    if (this.#isKept.ok) return Buffer.concat([STATUS_200, TYPE_ENTRY]);
    if (this.#isKept.type) return Buffer.concat([STATUS_200, Buffer.from([0xbe])]);
    this.#isKept.type = true;
    return Buffer.concat([STATUS_200, kept(...TYPE)]);
  }

  /** The trailers of a success. */
  get ok(): Buffer {
    if (!this.#keeps) return plain.ok;
    if (this.#isKept.ok) return OK_ENTRY;
    // Where the type has not been sent, it must not change the order.
    if (!this.#isKept.type) return plain.ok;
    this.#isKept.ok = true;
    return kept(...OK);
  }

  /** The trailers of a failure; behind no headers, they are the whole reply. */
  failure(code: number, isWhole: boolean, pushbackMs?: number): Buffer {
    return Buffer.concat([
      ...(isWhole ? [plain.head] : []),
      literal('grpc-status', String(code)),
      literal('grpc-message', POD_SAYS),
      ...(pushbackMs === undefined ? [] : [literal('grpc-retry-pushback-ms', String(pushbackMs))]),
    ]);
  }

  /** A reply of a proxy: no gRPC. */
  notGrpc(): Buffer {
    return Buffer.concat([literal(':status', '502'), literal('content-type', 'text/html')]);
  }
}
