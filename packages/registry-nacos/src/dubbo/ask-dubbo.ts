import { connect } from '../node-net.ts';
import { HessianReader, hessianMap, hessianText } from './hessian.ts';
import type { MetadataService } from './metadata-service.ts';

/** The head of a frame of Dubbo's protocol: the magic, then flags for a request (0x80) in Hessian (2) that wants an answer (0x40). */
const MAGIC = 0xdabb;
const REQUEST = 0xc2;
const EVENT = 0x20;
const OK = 20;
const HEADER_BYTES = 16;
const MAX_BYTES = 16 * 1024 * 1024;
/** The first number of an answer that holds a value; with 4, attachments follow the value. */
const HAS_VALUE = [1, 4];

const SERVICE = 'org.apache.dubbo.metadata.MetadataService';

/** Asks a Pod's metadata service over Dubbo's own protocol, on a connection of its own. */
export function askDubbo(at: MetadataService, revision: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: at.host, port: at.port });
    socket.unref();
    let received: Buffer = Buffer.alloc(0);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const finish = (end: () => void) => {
      socket.destroy();
      end();
    };
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(() => reject(new Error(error.code ?? error.name))),
    );
    socket.on('close', () => reject(new Error('it closed the connection without an answer')));
    socket.on('connect', () => socket.write(request(at, revision)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      try {
        for (let frame = takeFrame(received); frame !== undefined; frame = takeFrame(received)) {
          received = frame.rest;
          // The server may send a heartbeat first.
          if ((frame.flags & EVENT) !== 0) continue;
          const value = readAnswer(frame.status, frame.body);
          return finish(() => resolve(value));
        }
      } catch (error) {
        finish(() => reject(error));
      }
    });
  });
}

function request({ application, version }: MetadataService, revision: string): Buffer {
  const attachments = { path: SERVICE, interface: SERVICE, version, group: application };
  const texts = ['2.0.2', SERVICE, version, 'getMetadataInfo', 'Ljava/lang/String;', revision];
  const body = Buffer.concat([...texts.map(hessianText), hessianMap(attachments)]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(MAGIC);
  header[2] = REQUEST;
  header[11] = 1;
  header.writeUInt32BE(body.length, 12);
  return Buffer.concat([header, body]);
}

function takeFrame(bytes: Buffer) {
  if (bytes.length < HEADER_BYTES) return undefined;
  if (bytes.readUInt16BE() !== MAGIC) throw new Error("it does not speak Dubbo's protocol");
  const end = HEADER_BYTES + bytes.readUInt32BE(12);
  if (end > MAX_BYTES) throw new Error(`its answer has over ${MAX_BYTES} bytes`);
  if (bytes.length < end) return undefined;
  const [, , flags = 0, status = 0] = bytes;
  return { flags, status, body: bytes.subarray(HEADER_BYTES, end), rest: bytes.subarray(end) };
}

function readAnswer(status: number, body: Buffer): unknown {
  if (status !== OK) throw new Error(`it answered with Dubbo's status ${status}`);
  const reader = new HessianReader(body);
  const kind = reader.read();
  if (!HAS_VALUE.includes(kind as number)) throw new Error('it has no metadata of this revision');
  return reader.read();
}
