import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** The two ends of a connection within the process. Each reads the bytes that the other writes. */
export function memorySockets(): { readonly client: Socket; readonly server: Duplex } {
  const client = new MemorySocket();
  const server = new MemorySocket();
  client.peer = server;
  server.peer = client;
  return { client: client as unknown as Socket, server };
}

/** The part of a socket that HTTP/2 connections use. */
class MemorySocket extends Duplex {
  readonly localAddress: string = 'memory';
  peer: MemorySocket | undefined;
  /** Runs when the last written chunk has been taken. */
  #taken: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    // A copy, because the writer may reuse its memory.
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

  /** Methods of net.Socket that mean nothing here do nothing. */
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
