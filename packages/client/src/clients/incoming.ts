import type { Readable } from 'node:stream';
import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';
import type { CallListener, GrpcCall } from '../call/delivery.ts';
import { initialMetadata } from '../call/received-metadata.ts';
import { okStatus } from '../call/status.ts';
import { isHeard } from './heard.ts';
import { parsingError } from './open-call.ts';
import { serviceError } from './service-error.ts';

/** As many as Node's streams of objects hold by themselves (their default highWaterMark): as many again may be on their way. */
const READ_AHEAD = 16;

/** The messages of a reply on their way into a readable stream; they are asked for before they are read. */
export class Incoming<Response> implements CallListener {
  readonly #stream: Readable;
  readonly #deserialize: (bytes: Buffer) => Response;
  #call: GrpcCall | undefined;
  /** Asked for and not received. */
  #asked = 0;
  #failure: StatusObject | undefined;

  constructor(stream: Readable, deserialize: (bytes: Buffer) => Response) {
    this.#stream = stream;
    this.#deserialize = deserialize;
  }

  begin(call: GrpcCall): void {
    this.#call = call;
  }

  /** The reader wants more: asks for as many as may come, once half of those have. */
  read(): void {
    const call = this.#call;
    if (call === undefined || this.#asked * 2 > READ_AHEAD) return;
    const missing = READ_AHEAD - this.#asked;
    // First, because what is here already comes at once.
    this.#asked = READ_AHEAD;
    for (let i = 0; i < missing; i++) call.startRead();
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#stream.emit('metadata', metadata);
  }

  onReceiveHeaders(headers: RawHeaders): void {
    if (isHeard(this.#stream, 'metadata')) this.onReceiveMetadata(initialMetadata(headers));
  }

  onReceiveMessage(bytes: Buffer): void {
    this.#asked -= 1;
    let message: Response;
    try {
      message = this.#deserialize(bytes);
    } catch (error) {
      const details = parsingError(error);
      this.#failure ??= { code: Status.INTERNAL, details, metadata: new Metadata() };
      return this.#call?.cancelWithStatus(Status.INTERNAL, details);
    }
    this.#stream.push(message);
  }

  onReceiveOk(): void {
    if (this.#failure !== undefined) return this.onReceiveStatus(this.#failure);
    this.#stream.push(null);
    if (isHeard(this.#stream, 'status')) this.#stream.emit('status', okStatus());
  }

  onReceiveStatus(received: StatusObject): void {
    const status = this.#failure ?? received;
    this.#stream.push(null);
    // Whoever destroyed the stream was told so by Node; nobody need listen any more, and then an error would be uncaught.
    if (status.code !== Status.OK && !this.#stream.destroyed)
      this.#stream.emit('error', serviceError(status));
    this.#stream.emit('status', status);
  }
}
