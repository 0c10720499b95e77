import { expect, test } from 'vitest';
import { FRAME_HEAD_BYTES, FrameType, writeFrameHead } from './frame.ts';
import { FrameReader } from './frame-reader.ts';

function frame(type: number, payload: string): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  writeFrameHead(head, 0, payload.length, type, 0, 1);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** Short frames and long ones in turn, so that no buffer of one has the length for the next. */
const FRAMES = ['ping', 'headers of a reply', 'trailer', 'and one more frame'].map((text) =>
  frame(FrameType.HEADERS, text),
);

function read(...pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new FrameReader({
    onFrame: (_type, _flags, _id, source, start, end) =>
      void seen.push(source.toString('latin1', start, end)),
    onData() {},
  });
  for (const piece of pieces) reader.push(piece, 0, piece.length);
  return seen;
}

test('frames are the same wherever three cuts fall', () => {
  const bytes = Buffer.concat(FRAMES);
  const whole = read(bytes);
  expect(whole).toHaveLength(FRAMES.length);
  for (let a = 1; a < bytes.length - 2; a++)
    for (let b = a + 1; b < bytes.length - 1; b++)
      for (let c = b + 1; c < bytes.length; c++) {
        const pieces = [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b, c), bytes.subarray(c)];
        const seen = read(...pieces);
        // Not one expectation for each of 70,000 ways.
        if (seen.join() !== whole.join())
          expect({ cuts: [a, b, c], seen }).toEqual({ cuts: [a, b, c], seen: whole });
      }
});
