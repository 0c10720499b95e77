/** `xds.service.orca.v3` and `xds.data.orca.v3`: https://github.com/cncf/xds/tree/main/xds/service/orca/v3 */

/** What a server reports of its load. */
export interface LoadReport {
  /** CPU time of the process over that of all its cores; 1 is all of them. */
  readonly cpuUtilization: number;
  /** Of CPU and event loop, the one that is used more: 1 takes no more. */
  readonly applicationUtilization: number;
  /** The part of the time in which the event loop was busy. */
  readonly eventLoop: number;
  readonly callsPerSecond: number;
  /** Calls that failed for a reason that lies with the server. */
  readonly errorsPerSecond: number;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** An `OrcaLoadReport`. */
export function encodeReport(report: LoadReport): Buffer {
  const name = Buffer.from('event_loop');
  const entry = Buffer.concat([Buffer.from([0x0a, name.length]), name, double(2, report.eventLoop)]);
  return Buffer.concat([
    double(1, report.cpuUtilization),
    double(6, report.callsPerSecond),
    double(7, report.errorsPerSecond),
    Buffer.from([(8 << 3) | LENGTH, entry.length]),
    entry,
    double(9, report.applicationUtilization),
  ]);
}

/** An `OrcaLoadReportRequest`. */
export interface ReportRequest {
  /** How often to report, in milliseconds; 0 leaves it to the server. */
  readonly intervalMs: number;
}

/** Throws for bytes that are no message. */
export function decodeRequest(request: Buffer): ReportRequest {
  let intervalMs = 0;
  readFields(request, (field, value) => {
    if (field !== 1 || typeof value === 'number') return;
    readFields(value, (part, count) => {
      if (typeof count !== 'number') return;
      if (part === 1) intervalMs += count * 1_000;
      else if (part === 2) intervalMs += count / 1e6;
    });
  });
  return { intervalMs };
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (field << 3) | FIXED64;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

/** Reads the numbers and the messages in a message. */
function readFields(bytes: Buffer, field: (number: number, value: number | Buffer) => void): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error('the message ends within a number');
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === VARINT) field(Math.floor(tag / 8), varint());
    else if (type === FIXED64) at += 8;
    else if (type === FIXED32) at += 4;
    else if (type === LENGTH) {
      const length = varint();
      at += length;
      if (at <= bytes.length) field(Math.floor(tag / 8), bytes.subarray(at - length, at));
    } else throw new Error(`wire type ${type} is unknown`);
    if (at > bytes.length) throw new Error('the message ends within a field');
  }
}
