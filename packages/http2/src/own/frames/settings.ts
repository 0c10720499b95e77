import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from './connection-error.ts';
import { FrameType, MAX_FRAME_BYTES, readUint32, writeFrameHead, writeUint32 } from './frame.ts';

/** RFC 9113 §6.5.2. */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** Every flow-control window begins with this (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535;
/** RFC 9113 §6.9.1 */
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;

const ENTRY_BYTES = 6;
/** The most settings of one frame: six are known, the others are room for extensions. More are a flood. */
const MAX_ENTRIES = 64;

/** Calls back with each setting in its order, checked. */
export function readSettings(
  source: Uint8Array,
  start: number,
  end: number,
  apply: (setting: number, value: number) => void,
): void {
  if ((end - start) % ENTRY_BYTES !== 0) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS with a length that is no multiple of 6');
  }
  if (end - start > MAX_ENTRIES * ENTRY_BYTES) {
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `SETTINGS with more than ${MAX_ENTRIES} entries`);
  }
  for (let at = start; at < end; at += ENTRY_BYTES) {
    const setting = (source[at]! << 8) | source[at + 1]!;
    const value = readUint32(source, at + 2);
    check(setting, value);
    apply(setting, value);
  }
}

function check(setting: number, value: number): void {
  if (setting === Setting.INITIAL_WINDOW_SIZE && value > MAX_WINDOW_BYTES) {
    throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `SETTINGS_INITIAL_WINDOW_SIZE of ${value}`);
  }
  if (setting === Setting.MAX_FRAME_SIZE && (value < MAX_FRAME_BYTES || value > 16_777_215)) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `SETTINGS_MAX_FRAME_SIZE of ${value}`);
  }
  // A server may only say that it does not push (RFC 9113 §6.5.2).
  if (setting === Setting.ENABLE_PUSH && value !== 0) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `SETTINGS_ENABLE_PUSH of ${value} from a server`);
  }
}

/** A SETTINGS frame with these pairs. */
export function settingsFrame(entries: readonly (readonly [setting: number, value: number])[]): Buffer {
  const frame = Buffer.alloc(9 + entries.length * ENTRY_BYTES);
  let at = writeFrameHead(frame, 0, entries.length * ENTRY_BYTES, FrameType.SETTINGS, 0, 0);
  for (const [setting, value] of entries) {
    frame[at + 1] = setting;
    at = writeUint32(frame, at + 2, value);
  }
  return frame;
}
