import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Two ends of a connection within the process: what one writes the other reads. */
export function memorySockets(): { readonly client: Socket; readonly server: Duplex } {
  const client = new MemorySocket();
  const server = new MemorySocket();
  client.peer = server;
  server.peer = client;
  return { client: client as unknown as Socket, server };
}

/** As much of a socket as HTTP/2 connections use. */
class MemorySocket extends Duplex {
  readonly localAddress: string = 'memory';
  peer: MemorySocket | undefined;
  /** Runs when what was written last has been taken. */
  #taken: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    // The writer may use its memory again.
    if (this.peer === undefined || this.peer.push(Buffer.from(chunk))) callback();
    else this.peer.#taken = callback;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _final(callback: () => void): void {
    this.peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { peer } = this;
    this.peer = undefined;
    this._read();
    if (peer !== undefined) {
      peer.peer = undefined;
      peer.push(null);
    }
    callback(error);
  }

  /** What the methods of net.Socket do that mean nothing here. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }
}
