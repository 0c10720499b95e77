import type { Clock, Timer } from '@podwire/core';
import { readText } from './read-text.ts';

/** How often the file is looked at. A ConfigMap takes about a minute to arrive, so this adds little. */
const POLL_MS = 1_000;

/** Receives the changes of a file, each state once. */
export interface FileListener {
  /** The file has another text than before, or can be read again. */
  onText(text: string): void;
  /** The file cannot be read. */
  onError(error: Error): void;
}

/**
 * Follows the text of a file. It reads the file again and again, because a watcher of the operating system would miss a change between
 * the first reading and its own start, and a ConfigMap is a link that is replaced.
 */
export class FileWatch {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #listener: FileListener;
  #timer: Timer;
  /** The file's text when it was last looked at, or why it could not be read. */
  #seen: string;

  /** `text` is the file's text when its owner read it. The listener is told when it differs. */
  constructor(path: string, text: string, clock: Clock, listener: FileListener) {
    this.#path = path;
    this.#seen = text;
    this.#clock = clock;
    this.#listener = listener;
    this.#timer = this.#plan();
  }

  /** The listener is told nothing more. */
  close(): void {
    this.#timer.cancel();
  }

  #plan(): Timer {
    return this.#clock.after(POLL_MS, () => {
      this.#timer = this.#plan();
      this.#look();
    });
  }

  #look(): void {
    let text: string;
    try {
      text = readText(this.#path);
    } catch (error) {
      const { message } = error as Error;
      if (this.#isNew(message)) this.#listener.onError(error as Error);
      return;
    }
    if (this.#isNew(text)) this.#listener.onText(text);
  }

  #isNew(seen: string): boolean {
    if (seen === this.#seen) return false;
    this.#seen = seen;
    return true;
  }
}
