import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { modeFromEnvironment } from './environment.ts';
import { ModeFile } from './mode-file.ts';

describe('the mode', () => {
  test('of a service comes from its own variable first', () => {
    const variables = { PODWIRE_MODE: 'mesh', PODWIRE_MODE_ORDERS_API: 'direct' };
    expect(modeFromEnvironment('orders-api', variables)).toEqual({
      mode: 'direct',
      variable: 'PODWIRE_MODE_ORDERS_API',
    });
    expect(modeFromEnvironment('stock', variables)).toEqual({ mode: 'mesh', variable: 'PODWIRE_MODE' });
    expect(modeFromEnvironment('stock', {})).toBeUndefined();
  });

  test('in a variable must be one that exists', () => {
    expect(() => modeFromEnvironment('a', { PODWIRE_MODE_A: 'Mesh' })).toThrow(
      'PODWIRE_MODE_A: "Mesh" must be one of: direct, mesh',
    );
  });
});

describe('a mode file', () => {
  let directory: string;
  let path: string;
  let file: ModeFile | undefined;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'podwire-'));
    path = join(directory, 'modes.yaml');
  });
  afterEach(() => {
    file?.close();
    rmSync(directory, { recursive: true });
  });

  test('is followed, and a broken one changes nothing and is told', async () => {
    writeFileSync(path, 'mode: direct\nservices:\n  orders: { mode: mesh, target: "dns:///orders:1" }\n');
    const clock = new VirtualClock();
    const told: (Error | undefined)[] = [];
    file = new ModeFile(path, clock, (error) => told.push(error));
    expect([file.modeOf('orders'), file.modeOf('stock')]).toEqual(['mesh', 'direct']);
    writeFileSync(path, 'mode: mesh\n');
    await clock.advance(1_000);
    expect(told).toEqual([undefined]);
    expect(file.modeOf('stock')).toBe('mesh');
    writeFileSync(path, 'mode: [sideways]\n');
    await clock.advance(1_000);
    expect(told.length).toBe(2);
    expect(told[1]?.message).toContain('mode: ["sideways"] must be one of: direct, mesh');
    expect(file.modeOf('stock')).toBe('mesh');
  });

  test('that is not there is an error at once', () => {
    expect(() => new ModeFile(path, new VirtualClock(), () => {})).toThrow('ENOENT');
  });
});
