import { EventEmitter } from 'node:events';
import type { Clock } from '@podwire/core';
import { FrameType, PREFACE } from '../frames/frame.ts';

/** The part of a socket that the engine uses. It is not a stream of Node, which would wait for real ticks. */
export class ScriptedSocket extends EventEmitter {
  writableLength = 0;
  readonly localAddress = 'here';
  readonly written: { readonly atMs: number; readonly bytes: Buffer }[] = [];
  destroyed = false;
  /** Whether the peer does not read, so that written bytes wait. */
  #stuck = false;
  #waiting: { readonly bytes: number; readonly taken: (() => void) | undefined }[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  set stuck(stuck: boolean) {
    this.#stuck = stuck;
    if (!stuck) this.#take();
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    this.written.push({ atMs: this.#clock.nowMs(), bytes: Buffer.from(bytes) });
    this.writableLength += bytes.length;
    this.#waiting.push({ bytes: bytes.length, taken });
    if (!this.#stuck) this.#clock.after(0, () => this.#take());
  }

  cork(): void {}
  uncork(): void {}
  setKeepAlive(): void {}
  end(): void {}

  destroySoon(): void {
    this.#clock.after(0, () => this.destroy());
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  /** The types of the frames that were written so far, without the preface. */
  get frames(): number[] {
    const bytes = Buffer.concat(this.written.map((one) => one.bytes)).subarray(PREFACE.length);
    const types: number[] = [];
    for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes[at + 3]!);
    return types;
  }

  /** The peer accepts the connection and sends empty SETTINGS. */
  accept(): void {
    this.emit('connect');
    this.receive(FrameType.SETTINGS, 0, 0, []);
  }

  /** The peer sends one frame. */
  receive(type: number, flags: number, streamId: number, payload: readonly number[]): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(streamId, 5);
    this.emit('data', Buffer.concat([head, Buffer.from(payload)]));
  }

  #take(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { bytes } of waiting) this.writableLength -= bytes;
    for (const { taken } of waiting) taken?.();
  }
}
