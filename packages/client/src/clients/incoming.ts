import type { Readable } from 'node:stream';
import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import type { RawHeaders } from '@podwire/http2';
import type { CallListener, GrpcCall } from '../call/listener-context.ts';
import { okStatus } from '../call/status.ts';
import { initialMetadata } from '../headers/received-metadata.ts';
import { isHeard } from './heard.ts';
import { parsingError } from './open-call.ts';
import { serviceError } from './service-error.ts';

/** As many as Node's streams of objects hold by themselves (their default highWaterMark): as many again may be on their way. */
const READ_AHEAD = 16;
/** What lies unread in one stream, and was asked for, is so much, or one message. */
const READ_AHEAD_BYTES = 256 * 1024;
/** What is left of the size of the largest message after a smaller one. */
const KEPT = 7 / 8;

/** The messages of a reply on their way into a readable stream; they are asked for before they are read. */
export class Incoming<Response> implements CallListener {
  readonly #stream: Readable;
  readonly #deserialize: (bytes: Buffer) => Response;
  #call: GrpcCall | undefined;
  /** Asked for and not received. */
  #asked = 0;
  /** About the size of the largest message of late; 0 before the first, for which only one is asked. */
  #messageBytes = 0;
  #failure: StatusObject | undefined;

  constructor(stream: Readable, deserialize: (bytes: Buffer) => Response) {
    this.#stream = stream;
    this.#deserialize = deserialize;
  }

  begin(call: GrpcCall): void {
    this.#call = call;
  }

  /** The reader wants more, or took some: asks for as many as may come, once it is half of that or more. */
  read(): void {
    const call = this.#call;
    const fitting = Math.floor(READ_AHEAD_BYTES / 2 / Math.max(1, this.#messageBytes));
    const most = this.#messageBytes === 0 ? 1 : Math.min(READ_AHEAD, Math.max(1, fitting));
    // Nearly as many again may lie in the stream.
    const room = 2 * most - 1 - this.#asked - this.#stream.readableLength;
    const missing = Math.min(most - this.#asked, room);
    if (call === undefined || missing <= 0 || missing * 2 < most) return;
    // First, because what is here already comes at once.
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
    // Node told the caller that destroyed the stream. It may have removed its listeners, and an error would be uncaught.
    if (status.code !== Status.OK && !this.#stream.destroyed)
      this.#stream.emit('error', serviceError(status));
    this.#stream.emit('status', status);
  }
}
