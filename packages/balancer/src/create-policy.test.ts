import { readFileSync } from 'node:fs';
import { InvalidInput } from '@podwire/core';
import { describe, expect, test } from 'vitest';
import { createPolicy, policyNames, policyOptions } from './create-policy.ts';

/** A policy in so many others. */
function nested(depth: number): unknown {
  let policy: unknown = 'random';
  for (let i = 1; i < depth; i++) policy = { zone_aware: { policy } };
  return policy;
}

describe('createPolicy', () => {
  test('takes policies in policies, up to a depth that no stack minds', () => {
    expect(createPolicy(nested(8)).name).toBe('zone_aware');
    expect(() => createPolicy(nested(9))).toThrow(
      /^policy(\.zone_aware\.policy){8} is nested more than 8 deep/,
    );
    expect(() => createPolicy(nested(100_000))).toThrow('is nested more than 8 deep');
  });

  test.each(policyNames)(
    '%s: takes the name, an object with the name, and every option at its bounds',
    (name) => {
      expect(createPolicy(name).name).toBe(name);
      expect(createPolicy({ [name]: {} }).name).toBe(name);
      for (const [option, { type, minimum, maximum }] of Object.entries(policyOptions(name))) {
        const values = type === 'boolean' ? [true, false] : [minimum, maximum].filter((v) => v !== undefined);
        for (const value of values) expect(createPolicy({ [name]: { [option]: value } }).name).toBe(name);
      }
    },
  );

  test.each([
    ['lest_request', /^policy: "lest_request".*least_request/],
    ['toString', /^policy: "toString"/],
    [{ maglev: {}, random: {} }, /^policy: .*only key/],
    [
      { zone_aware: { policy: 'lest_request' } },
      /^policy\.zone_aware\.policy: "lest_request".*least_request/,
    ],
    [{ zone_aware: { policy: { random: 1 } } }, /^policy\.zone_aware\.policy\.random/],
    [[], /^policy: .*name of a policy/],
    [undefined, /^policy: undefined/],
    [{ random: { choiceCount: 2 } }, /^policy\.random\.choiceCount/],
    [{ least_request: { choicecount: 2 } }, /^policy\.least_request\.choicecount.*choiceCount/],
    [
      { least_request: { choiceCount: 1 } },
      /^policy\.least_request\.choiceCount: 1 must be an integer from 2 to 100/,
    ],
    [{ least_request: { choiceCount: 2.5 } }, /choiceCount: 2\.5 must be an integer/],
    [{ least_request: { fullScan: 'yes' } }, /fullScan: "yes" must be true or false/],
    [{ ring_hash: { loadBound: 0.5 } }, /^policy\.ring_hash\.loadBound: 0\.5 must be a number from 1/],
    [{ maglev: { loadBound: Number.NaN } }, /^policy\.maglev\.loadBound/],
  ])('%j is refused with the path, the value and the rule', (config, message) => {
    expect(() => createPolicy(config)).toThrow(InvalidInput);
    expect(() => createPolicy(config)).toThrow(message);
  });
});

test('docs/policies.md describes every policy and option with its default', () => {
  const text = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');
  for (const name of policyNames) {
    const section = text.split(/^## /m).find((part) => part.startsWith(`\`${name}\``));
    expect(section, name).toBeDefined();
    for (const [option, schema] of Object.entries(policyOptions(name))) {
      expect(section).toMatch(new RegExp(`\`${option}\`.*\\| \`?${schema.default ?? 'none'}\`? `));
    }
  }
});
