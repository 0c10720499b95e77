import type { EventEmitter } from 'node:events';
import { Metadata, type requestCallback, status as Status, type StatusObject } from '@grpc/grpc-js';
import { timers } from '@podwire/core';
import type { RawHeaders } from '@podwire/http2';
import { Call } from '../call/call.ts';
import { callerStatus } from '../call/failure.ts';
import type { CallListener, GrpcCall } from '../call/listener-context.ts';
import { okStatus } from '../call/status.ts';
import { initialMetadata } from '../headers/received-metadata.ts';
import { isHeard } from './heard.ts';
import { parsingError } from './open-call.ts';
import { serviceError } from './service-error.ts';

/** How many messages to ask for. A second one is an error, and is only seen if it is asked for. */
export const READS = 2;
const NO_MESSAGE = { code: Status.UNIMPLEMENTED, details: 'No message received' };
const TOO_MANY = { code: Status.UNIMPLEMENTED, details: 'Too many responses received' };

/** The reply of a method with one message back, on its way to the callback. */
export class SingleReply<Response> implements CallListener {
  readonly #surface: EventEmitter;
  readonly #deserialize: (bytes: Buffer) => Response;
  readonly #callback: requestCallback<Response>;
  /** Set once the call is started. */
  call: GrpcCall | undefined;
  #response: Response | undefined;
  #messages = 0;
  /** The client's own verdict on the reply, which overrides the server's status. */
  #failure: StatusObject | undefined;

  constructor(
    surface: EventEmitter,
    deserialize: (bytes: Buffer) => Response,
    callback: requestCallback<Response>,
  ) {
    this.#surface = surface;
    this.#deserialize = deserialize;
    this.#callback = callback;
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#surface.emit('metadata', metadata);
  }

  onReceiveHeaders(headers: RawHeaders): void {
    if (isHeard(this.#surface, 'metadata')) this.onReceiveMetadata(initialMetadata(headers));
  }

  onReceiveMessage(bytes: Buffer): void {
    this.#messages += 1;
    if (this.#messages > 1) return this.#refuseMore();
    try {
      this.#response = this.#deserialize(bytes);
    } catch (error) {
      this.#fail(Status.INTERNAL, parsingError(error));
    }
  }

  onReceiveOk(): void {
    if (this.#failure !== undefined || this.#messages !== 1) return this.onReceiveStatus(okStatus());
    this.#callback(null, this.#response);
    if (isHeard(this.#surface, 'status')) this.#surface.emit('status', okStatus());
  }

  onReceiveStatus(received: StatusObject): void {
    const status = this.#failure === undefined ? received : { ...received, ...this.#failure };
    if (status.code !== Status.OK) this.#callback(serviceError(status));
    else if (this.#messages === 1) this.#callback(null, this.#response);
    else {
      const { code, details } = this.#messages === 0 ? NO_MESSAGE : TOO_MANY;
      this.#callback(serviceError(this.#verdict(code, details, status.metadata)));
    }
    this.#surface.emit('status', status);
  }

  #verdict(code: Status, details: string, metadata: Metadata): StatusObject {
    const call = this.call;
    return { ...(call instanceof Call ? callerStatus(call, code, details) : { code, details }), metadata };
  }

  /** Fails the call, but only after everything that came with the message was read: a status among it says more. */
  #refuseMore(): void {
    this.call?.startRead();
    if (this.#messages === READS)
      timers.setImmediate(() => this.call?.cancelWithStatus(TOO_MANY.code, TOO_MANY.details));
  }

  #fail(code: Status, details: string): void {
    this.#failure ??= { code, details, metadata: new Metadata() };
    this.call?.cancelWithStatus(code, details);
  }
}
