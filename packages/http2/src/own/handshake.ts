import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Time, TimeLimit } from '@podwire/core';
import type { ConnectionOptions } from '../transport.ts';

/** Follows a socket until HTTP/2 can be spoken over it: TCP, TLS and the peer's first SETTINGS share one time limit. */
export class Handshake {
  readonly #limit: TimeLimit;
  #step = 'TCP';

  /** `opened`: bytes can be written; `failed`: why there will be no connection. */
  constructor(
    socket: Socket,
    options: ConnectionOptions,
    time: Time,
    opened: () => void,
    failed: (reason: string) => void,
  ) {
    const { tls, connectTimeoutMs } = options;
    const late = () => failed(`no connection in ${connectTimeoutMs} ms: ${this.#step} was not answered`);
    this.#limit = new TimeLimit(connectTimeoutMs, late, time);
    socket.once('connect', () => {
      this.#step = tls === undefined ? 'HTTP/2 SETTINGS' : 'TLS';
      if (tls === undefined) opened();
    });
    socket.once('secureConnect', () => {
      this.#step = 'HTTP/2 SETTINGS';
      if ((socket as TLSSocket).alpnProtocol === 'h2') opened();
      else failed('the Pod does not offer HTTP/2 over TLS (ALPN h2)');
    });
  }

  /** It is over, one way or the other. */
  stop(): void {
    this.#limit.stop();
  }
}
