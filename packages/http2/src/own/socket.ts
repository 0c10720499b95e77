import type { Socket } from 'node:net';
import { dial, dialReading } from '../connection/dial.ts';
import type { World } from '../connection/env.ts';
import type { ConnectionOptions } from '../transport.ts';

/** Receives the bytes that a socket reads. */
export interface SocketReader {
  /** The bytes are a view that is valid until it returns. */
  onRead(source: Buffer, end: number): void;
}

/**
 * The one buffer into which all connections read plaintext: each read is processed before the next begins, and an idle connection
 * needs no buffer.
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

/** How long a peer has to read the last bytes, among them the reason for the close. */
const LINGER_MS = 250;

/**
 * Closes a socket after the written bytes have left. `reading`: also gives the peer time to read them, because closing a socket with
 * unread bytes resets the connection, and the peer may never see our GOAWAY.
 */
export function closeSocket(socket: Socket, reading: boolean, after: World['after']): void {
  if (reading) socket.end();
  else socket.destroySoon();
  const linger = after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => linger.cancel());
}
