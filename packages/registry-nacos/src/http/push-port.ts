import { createSocket, type RemoteInfo } from 'node:dgram';
import { gunzipSync } from 'node:zlib';

/** Nacos compresses messages over 1 KiB. */
const GZIP_MAGIC = 0x1f8b;
/** A datagram that unpacks to more than this is not Nacos's, or is not answered: Nacos sends it once more. */
const MAX_BYTES = 16 * 1024 * 1024;

export interface PushPort {
  readonly port: number;
  close(): void;
}

/**
 * A UDP port on which Nacos reports that a service changed. Any host may send to it, so the content is not used: `onPush` asks
 * Nacos for the list. Rejects when no port can be had.
 */
export function openPushPort(onPush: () => void): Promise<PushPort> {
  const socket = createSocket('udp4');
  socket.unref();
  const answer = (message: Buffer, { address, port }: RemoteInfo) => {
    const text = acknowledgement(message);
    // A datagram from port 0 cannot be answered.
    if (text === undefined || port === 0) return;
    socket.send(text, port, address, () => {});
    onPush();
  };
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', answer);
    socket.bind({ port: 0, exclusive: true }, () =>
      resolve({ port: socket.address().port, close: () => void socket.close() }),
    );
  });
}

/** The acknowledgement that Nacos waits for after a push; undefined for a message that is not a push. */
function acknowledgement(message: Buffer): string | undefined {
  try {
    const isPacked = message.length > 2 && message.readUInt16BE(0) === GZIP_MAGIC;
    const text = (isPacked ? gunzipSync(message, { maxOutputLength: MAX_BYTES }) : message).toString();
    // Read from the text, because a number cannot hold nanoseconds exactly. The other one, inside `data`, has escaped quotes.
    const time = /(?<!\\)"lastRefTime":(\d{1,20})(?!\d)/.exec(text)?.[1];
    return time === undefined ? undefined : `{"type":"push-ack","lastRefTime":"${time}","data":""}`;
  } catch {
    return undefined;
  }
}
