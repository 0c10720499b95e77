import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokenAnswer } from './error.ts';
import { JsonLines, MAX_LINE_BYTES } from './json-lines.ts';

describe('lines of JSON', () => {
  it('are the same however they are cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 6 }), fc.array(fc.nat(200)), (values, cuts) => {
        const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
        const lines = new JsonLines();
        const read: unknown[] = [];
        let from = 0;
        for (const length of [...cuts, bytes.length]) {
          read.push(...lines.push(bytes.subarray(from, from + length)));
          from += length;
        }
        expect(JSON.stringify(read)).toBe(JSON.stringify(values));
        expect(lines.broken).toBe(false);
      }),
    );
  });

  it('know that one was begun and not ended', () => {
    const lines = new JsonLines();
    expect([...lines.push(Buffer.from('{}\n{"type":'))]).toEqual([{}]);
    expect(lines.broken).toBe(true);
  });

  it('that never end are given up at the limit, with no more memory than that', () => {
    const lines = new JsonLines();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const feed = () => {
      for (let i = 0; i <= MAX_LINE_BYTES / chunk.length; i++) for (const _ of lines.push(chunk));
    };
    expect(feed).toThrow(BrokenAnswer);
  });

  it('that are no JSON are an error without their content', () => {
    expect(() => [...new JsonLines().push(Buffer.from('secret\n'))]).toThrow(
      'a line of 6 characters that is no JSON',
    );
  });
});
