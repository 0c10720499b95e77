import type { World } from '../connection/env.ts';
import type { Connection, ConnectionListener } from '../transport.ts';

/** Tells when room for streams comes back or goes away: once for each change, and never inside a call of the caller. */
export class CapacityNotifier {
  readonly #connection: Pick<Connection, 'hasRoom'>;
  readonly #listener: Pick<ConnectionListener, 'onRoom'>;
  readonly #nextTick: World['nextTick'];
  #known = false;
  #planned = false;

  constructor(
    connection: Pick<Connection, 'hasRoom'>,
    listener: Pick<ConnectionListener, 'onRoom'>,
    nextTick: World['nextTick'],
  ) {
    this.#nextTick = nextTick;
    this.#connection = connection;
    this.#listener = listener;
  }

  /** Records the current state without telling: the caller knows it. */
  noted(): void {
    this.#known = this.#connection.hasRoom;
  }

  check(): void {
    if (this.#planned || this.#connection.hasRoom === this.#known) return;
    this.#planned = true;
    this.#nextTick(() => {
      this.#planned = false;
      if (this.#connection.hasRoom === this.#known) return;
      this.noted();
      this.#listener.onRoom();
    });
  }
}
