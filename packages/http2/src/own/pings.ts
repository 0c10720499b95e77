import type { Sender } from './flow/sender.ts';
import { FrameType, writeUint32 } from './frames/frame.ts';

/** The payloads of our PINGs, by which their answers are told apart. */
const KEEPALIVE = 1;
const BANDWIDTH = 2;
const SUSPICION = 3;
const OWNER = 4;

/** The PINGs of one connection that wait for their answers: at most one of each kind. */
export class Pings {
  readonly #sender: Sender;
  readonly #answered = new Map<number, () => void>();

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  keepalive(answered: () => void): void {
    this.#send(KEEPALIVE, answered);
  }

  bandwidth(answered: () => void): void {
    this.#send(BANDWIDTH, answered);
  }

  suspicion(answered: () => void): void {
    this.#send(SUSPICION, answered);
  }

  /** For the owner of the connection. */
  owner(answered: () => void): void {
    this.#send(OWNER, answered);
  }

  /** False for an answer that belongs to no PING of ours. */
  onAnswer(id: number): boolean {
    const answered = this.#answered.get(id);
    this.#answered.delete(id);
    answered?.();
    return answered !== undefined;
  }

  #send(id: number, answered: () => void): void {
    this.#answered.set(id, answered);
    const payload = new Uint8Array(8);
    writeUint32(payload, 4, id);
    this.#sender.frame(FrameType.PING, 0, 0, payload);
  }
}
