import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toEndpoint } from '../endpoint.ts';
import { Followed } from '../testing/follow.ts';
import { fileAnnouncer } from './file-announcer.ts';
import { fileRegistry } from './file-registry.ts';

let directory: string;
const open: Followed[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-growing-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((followed) => followed.close()));
  rmSync(directory, { recursive: true, force: true });
});

function follow(path: string): Followed {
  const followed = new Followed(fileRegistry(path, { pollMs: 10 }), 'orders');
  open.push(followed);
  return followed;
}

const address = (i: number) => `10.0.${i >> 8}.${i & 255}:1`;
const json = (count: number) =>
  JSON.stringify({
    services: { orders: { endpoints: Array.from({ length: count }, (_, i) => ({ address: address(i) })) } },
  });

// A document must not become another one when a Pod is added.
describe.each([3, 1_000, 7_000])('a document of %i Pods', (count) => {
  const flow = (list: string) => `{services: {orders: {endpoints: [${list}]}}}`;
  const all = Array.from({ length: count }, (_, i) => address(i));
  const isYaml = count < 7_000;

  test.each([
    ['JSON', json(count)],
    ['JSON with a byte order mark', `\uFEFF${json(count)}`],
    ['JSON after white space', `\r\n\t ${json(count)}\r\n`],
    ...(isYaml
      ? [
          ['flow YAML', flow(all.map((one) => `{address: '${one}'}`).join(', '))],
          ['flow YAML with a comma at its end', flow(all.map((one) => `{address: '${one}'},`).join('\n'))],
          ['JSON with a comment', `${json(count)} # the Pods`],
          [
            'YAML with a byte order mark and Windows line ends',
            `\uFEFFservices:\r\n  orders:\r\n    endpoints:\r\n${all.map((one) => `      - address: ${one}\r\n`).join('')}`,
          ],
          [
            'YAML with a merge key in each Pod',
            'services:\n  orders:\n    endpoints:\n' +
              all
                .map((one, i) =>
                  i === 0
                    ? `    - &first {address: '${one}', zone: a}\n`
                    : `    - {<<: *first, address: '${one}'}\n`,
                )
                .join(''),
          ],
        ]
      : []),
  ])('is read as %s', async (_what, text) => {
    const path = join(directory, 'services.json');
    writeFileSync(path, text);
    const followed = follow(path);
    await expect.poll(() => followed.last).toMatchObject({ type: 'reset' });
    expect(followed.ids).toHaveLength(count);
  });

  test.each([
    ['half of it', (text: string) => text.slice(0, -9), 'is not JSON: '],
    ['half of a string', (text: string) => text.slice(0, -12), 'is not JSON: '],
    [
      'UTF-16',
      (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
      'document cannot be read: it is UTF-16',
    ],
    [
      'UTF-16 without a mark',
      (text: string) => Buffer.from(text, 'utf16le').swap16(),
      'it is UTF-16: save it as UTF-8',
    ],
  ])('is a problem when it is %s', async (_what, make, said) => {
    const path = join(directory, 'services.json');
    writeFileSync(path, make(json(count)));
    const followed = follow(path);
    await expect
      .poll(() => followed.last)
      .toMatchObject({ type: 'problem', reason: expect.stringContaining(said) });
  });
});

test.each(['a', 'é', '語', '\u0001', '"'])(
  'a lease with as many attributes as may be of %j is read',
  async (letter) => {
    const endpoint = toEndpoint({ address: '10.0.0.1:1', attributes: { text: letter.repeat(16_000) } });
    const announcement = await fileAnnouncer(directory).announce('orders', endpoint);
    const followed = follow(`${directory}/`);
    await expect.poll(() => followed.last).toMatchObject({ type: 'reset' });
    expect(followed.endpoints.get('10.0.0.1:1')?.attributes).toEqual(endpoint.attributes);
    await announcement.withdraw();
  },
);
