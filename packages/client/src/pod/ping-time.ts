/**
 * The silence before a keepalive PING, for all connections of one mode of a channel. It doubles when a server ends a connection because of
 * too many PINGs (gRFC A8). As in grpc-go, that holds for the whole channel: the other servers most likely have the same settings.
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

  /** `usedMs`: the time that the connection was made with. Several connections with the same time double it once. */
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
