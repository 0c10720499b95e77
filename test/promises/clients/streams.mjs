// Streams: one that is read slowly, and one that is written as fast as it is taken.
import { nowMs } from '../time.mjs';

const MESSAGE_BYTES = 64 << 10;

/** `{ method, readMs, megabytes, deadlineMs }`; the answer tells `dueMs` and, when it has ended, `endMs` and `code`. */
export function openStream(client, { method, readMs, megabytes, deadlineMs }) {
  const told = { method, dueMs: nowMs() + deadlineMs };
  const ended = (error) => Object.assign(told, { endMs: nowMs(), code: error?.code ?? 0 });
  const options = { deadline: Date.now() + deadlineMs };
  if (method === 'Download') {
    const call = client.Download(Buffer.alloc(1), options);
    call.on('error', ended);
    call.on('end', () => ended());
    // A stream that is paused asks for nothing more.
    call.on('data', () => {
      call.pause();
      setTimeout(() => call.resume(), readMs);
    });
    return told;
  }
  const call = client.Upload(options, ended);
  call.on('error', () => {});
  let left = (megabytes * 1e6) / MESSAGE_BYTES;
  const write = () => {
    while (left > 0 && told.endMs === undefined) {
      left -= 1;
      if (!call.write(Buffer.alloc(MESSAGE_BYTES))) return call.once('drain', write);
    }
    return call.end();
  };
  write();
  return told;
}
