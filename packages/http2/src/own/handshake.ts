import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Time, TimeLimit } from '@podwire/core';
import { NO_ALPN } from '../connection/close-cause.ts';
import type { CloseCause, ConnectionOptions } from '../transport.ts';

/** Follows a socket until HTTP/2 can be spoken over it: TCP, TLS and the peer's first SETTINGS share one time limit. */
export class Handshake {
  readonly #limit: TimeLimit;
  #step: 'tcp' | 'tls' | 'settings' = 'tcp';

  /** `opened`: bytes can be written; `failed`: why there will be no connection. */
  constructor(
    socket: Socket,
    options: ConnectionOptions,
    time: Time,
    opened: () => void,
    failed: (cause: CloseCause) => void,
  ) {
    const { tls, connectTimeoutMs } = options;
    const late = () => failed({ kind: 'timeout', step: this.#step, afterMs: connectTimeoutMs });
    this.#limit = new TimeLimit(connectTimeoutMs, late, time);
    socket.once('connect', () => {
      this.#step = tls === undefined ? 'settings' : 'tls';
      if (tls === undefined) opened();
    });
    socket.once('secureConnect', () => {
      this.#step = 'settings';
      if ((socket as TLSSocket).alpnProtocol === 'h2') opened();
      else failed(NO_ALPN);
    });
  }

  /** Stops following: the handshake has succeeded or failed. */
  stop(): void {
    this.#limit.stop();
  }
}
