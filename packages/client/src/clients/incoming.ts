import type { Readable } from 'node:stream';
import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';
import type { CallListener, GrpcCall } from '../call/listener-context.ts';
import { okStatus } from '../call/status.ts';
import { initialMetadata } from '../headers/received-metadata.ts';
import { isHeard } from './heard.ts';
import { parsingError } from './open-call.ts';
import { serviceError } from './service-error.ts';

/** How many messages Node's object streams hold by default (their highWaterMark). As many again may be on their way. */
const READ_AHEAD = 16;
/** The most bytes that may lie unread in a stream or be asked for, unless one message is larger. */
const READ_AHEAD_BYTES = 256 * 1024;
/** After a smaller message, the estimate of the largest one shrinks to this share. */
const KEPT = 7 / 8;

/** Puts the messages of a reply into a readable stream, and asks for messages before the reader takes them. */
export class Incoming<Response> implements CallListener {
  readonly #stream: Readable;
  readonly #deserialize: (bytes: Buffer) => Response;
  #call: GrpcCall | undefined;
  /** Messages that were asked for and have not arrived. */
  #asked = 0;
  /** About the size of the largest recent message; 0 before the first one, when only one is asked for. */
  #messageBytes = 0;
  #failure: StatusObject | undefined;

  constructor(stream: Readable, deserialize: (bytes: Buffer) => Response) {
    this.#stream = stream;
    this.#deserialize = deserialize;
  }

  begin(call: GrpcCall): void {
    this.#call = call;
  }

  /** The reader wants more, or took some. Asks for as many messages as there is room for, once that is half of the limit or more. */
  read(): void {
    const call = this.#call;
    const fitting = Math.floor(READ_AHEAD_BYTES / 2 / Math.max(1, this.#messageBytes));
    const most = this.#messageBytes === 0 ? 1 : Math.min(READ_AHEAD, Math.max(1, fitting));
    // The stream itself may hold nearly as many again.
    const room = 2 * most - 1 - this.#asked - this.#stream.readableLength;
    const missing = Math.min(most - this.#asked, room);
    if (call === undefined || missing <= 0 || missing * 2 < most) return;
    // Counted first, because messages that are here already arrive inside `startRead`.
    this.#asked += missing;
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
    this.#messageBytes = Math.max(bytes.length, this.#messageBytes * KEPT, 1);
    let message: Response;
    try {
      message = this.#deserialize(bytes);
    } catch (error) {
      const details = parsingError(error);
      this.#failure ??= { code: Status.INTERNAL, details, metadata: new Metadata() };
      return this.#call?.cancelWithStatus(Status.INTERNAL, details);
    }
    if (this.#stream.push(message)) this.read();
  }

  onReceiveOk(): void {
    if (this.#failure !== undefined) return this.onReceiveStatus(this.#failure);
    this.#stream.push(null);
    if (isHeard(this.#stream, 'status')) this.#stream.emit('status', okStatus());
  }

  onReceiveStatus(received: StatusObject): void {
    const status = this.#failure === undefined ? received : { ...received, ...this.#failure };
    this.#stream.push(null);
    // A caller that destroyed the stream knows. It may have removed its listeners, and then an error would be uncaught.
    if (status.code !== Status.OK && !this.#stream.destroyed)
      this.#stream.emit('error', serviceError(status));
    this.#stream.emit('status', status);
  }
}
