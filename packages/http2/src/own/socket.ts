import type { Socket } from 'node:net';
import { dial, dialReading } from '../connection/dial.ts';
import type { World } from '../connection/env.ts';
import type { ConnectionOptions } from '../transport.ts';

/** Who gets what a socket reads. */
export interface SocketReader {
  /** A view, good until it returns. */
  onRead(source: Buffer, end: number): void;
}

/**
 * Plaintext is read into one buffer for all connections: a read and what is made of it are over before the next one
 * begins, and an idle connection holds nothing.
 */
const shared = Buffer.allocUnsafeSlow(256 * 1024);

/** Starts a connection. It does not keep the process alive. */
export function openSocket(options: ConnectionOptions, reader: SocketReader): Socket {
  if (options.tls !== undefined || options.openSocket !== undefined || options.env?.connect !== undefined) {
    const socket = options.openSocket?.() ?? dial(options);
    socket.on('data', (chunk: Buffer) => reader.onRead(chunk, chunk.length));
    return socket;
  }
  return dialReading(options, shared, (count) => reader.onRead(shared, count));
}

/** How long a peer has to take what was written last, the reason why it is left among it. */
const LINGER_MS = 250;

/**
 * Closes a socket once what was written has left. `reading`: not before the peer had time to read it, since a socket
 * that is closed with bytes unread resets the connection, and the peer may never see our GOAWAY.
 */
export function closeSocket(socket: Socket, reading: boolean, after: World['after']): void {
  if (reading) socket.end();
  else socket.destroySoon();
  const linger = after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => linger.cancel());
}
