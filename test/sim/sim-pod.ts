import type { Clock } from '@podwire/core';
import type { SimPeer, SimSocket } from './sim-socket.ts';

/** RFC 9113 §6 */
const Type = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;

/** A literal that no table keeps (RFC 7541 §6.2.2), without Huffman code. */
function field(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/** `:status 200` is entry 8 of the static table. */
const HEADERS = Buffer.concat([Buffer.from([0x88]), field('content-type', 'application/grpc')]);
const MESSAGE = Buffer.from([0, 0, 0, 0, 2, 0x6f, 0x6b]);
/** Marks the status of a reply, so that it is known from what podwire says. */
export const POD_SAYS = 'the Pod says so';
const trailers = (code: number) =>
  Buffer.concat([field('grpc-status', String(code)), field('grpc-message', POD_SAYS)]);

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

/** A simulated Pod: a small gRPC server over HTTP/2, whose troubles the simulation decides. */
export class SimPod {
  readonly host: string;
  /** Whether its process runs: if not, connections are refused. */
  isUp = true;
  /** Whether its node is cut off: nothing comes of it, and it hears nothing. */
  isCutOff = false;
  /** How long it takes to answer a call; Infinity is hung. */
  serviceMs = 5;
  /** The status of its replies. */
  code = 0;
  /** Calls that it has answered. */
  answered = 0;
  readonly clock: Clock;
  readonly #connections = new Set<PodConnection>();

  constructor(host: string, clock: Clock) {
    this.host = host;
    this.clock = clock;
  }

  connect(socket: SimSocket): void {
    if (this.isCutOff) return;
    if (!this.isUp) return socket.open(undefined);
    const connection = new PodConnection(this, socket, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    socket.open(connection);
  }

  /** Dies with all its connections, and refuses new ones. */
  die(): void {
    this.isUp = false;
    this.isCutOff = false;
    for (const connection of this.#connections) connection.reset();
    this.#connections.clear();
  }

  /** Asks its clients to go, as a server does that shuts down; answers the calls that it has. */
  goAway(): void {
    for (const connection of this.#connections) connection.goAway();
  }
}

/** One connection, as the Pod has it. */
class PodConnection implements SimPeer {
  readonly #pod: SimPod;
  readonly #socket: SimSocket;
  readonly #onGone: () => void;
  readonly #open = new Set<number>();
  #received: Buffer = Buffer.alloc(0);
  #isGreeted = false;
  #lastStream = 0;
  #leaves = false;

  constructor(pod: SimPod, socket: SimSocket, onGone: () => void) {
    this.#pod = pod;
    this.#socket = socket;
    this.#onGone = onGone;
  }

  onBytes(bytes: Buffer): void {
    if (this.#pod.isCutOff) return;
    this.#received = Buffer.concat([this.#received, bytes]);
    if (!this.#isGreeted) {
      if (this.#received.length < PREFACE_BYTES) return;
      this.#received = this.#received.subarray(PREFACE_BYTES);
      this.#isGreeted = true;
      this.#send(Type.SETTINGS, 0, 0, Buffer.alloc(0));
    }
    while (this.#received.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.#received.readUIntBE(0, 3);
      if (this.#received.length < end) return;
      const [type, flags, stream] = [this.#received[3]!, this.#received[4]!, this.#received.readUInt32BE(5)];
      const payload = Buffer.from(this.#received.subarray(HEAD_BYTES, end));
      this.#received = this.#received.subarray(end);
      this.#onFrame(type, flags, stream, payload);
    }
  }

  onClosed(): void {
    this.#open.clear();
    this.#onGone();
  }

  reset(): void {
    this.#open.clear();
    this.#socket.reset();
  }

  goAway(): void {
    this.#leaves = true;
    this.#send(Type.GOAWAY, 0, 0, uint32(this.#lastStream, 0));
    this.#closeIfDone();
  }

  #onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === Type.SETTINGS && (flags & ACK) === 0) this.#send(Type.SETTINGS, ACK, 0, Buffer.alloc(0));
    if (type === Type.PING && (flags & ACK) === 0) this.#send(Type.PING, ACK, 0, payload);
    if (type === Type.RST_STREAM) this.#open.delete(stream);
    if (type === Type.HEADERS && !this.#leaves) {
      this.#lastStream = stream;
      this.#open.add(stream);
    }
    if (type === Type.DATA && payload.length > 0)
      this.#send(Type.WINDOW_UPDATE, 0, 0, uint32(payload.length));
    const isWhole = (type === Type.HEADERS || type === Type.DATA) && (flags & END_STREAM) !== 0;
    if (!isWhole || !this.#open.has(stream) || this.#pod.serviceMs === Number.POSITIVE_INFINITY) return;
    this.#pod.clock.after(this.#pod.serviceMs, () => this.#answer(stream));
  }

  #answer(stream: number): void {
    if (!this.#open.delete(stream)) return;
    const { code } = this.#pod;
    this.#pod.answered += 1;
    this.#send(Type.HEADERS, END_HEADERS, stream, HEADERS);
    if (code === 0) this.#send(Type.DATA, 0, stream, MESSAGE);
    this.#send(Type.HEADERS, END_HEADERS | END_STREAM, stream, trailers(code));
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#leaves && this.#open.size === 0) this.#socket.finish();
  }

  #send(type: number, flags: number, stream: number, payload: Buffer): void {
    if (!this.#pod.isCutOff) this.#socket.send(frame(type, flags, stream, payload));
  }
}
