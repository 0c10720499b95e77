/**
 * The silence before a keepalive PING, for all connections of a channel that go one way. A server that ends a connection because of too many
 * PINGs doubles it (gRFC A8), as in grpc-go for the whole channel: the others are most likely set up alike.
 */
export class PingTime {
  readonly #service: string;
  #timeMs: number;

  constructor(service: string, timeMs: number) {
    this.#service = service;
    this.#timeMs = timeMs;
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  /** `usedMs`: the time that the connection had. Several that began alike double it once. */
  onTooMany(pod: string, usedMs: number): void {
    if (usedMs * 2 <= this.#timeMs) return;
    this.#timeMs = usedMs * 2;
    process.emitWarning(
      `${this.#service}: ${pod} ended a connection because of too many keepalive PINGs; from now on they come after ` +
        `${this.#timeMs} ms of silence. Set keepalive.timeMs to what the servers allow`,
      { code: 'PODWIRE_TOO_MANY_PINGS' },
    );
  }
}
