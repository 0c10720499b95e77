import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess } from '../../examples/demo/fleet.mjs';

/** A provider process that announces itself in a directory. */
export interface Provider {
  readonly address: string;
  readonly process: ChildProcess;
  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const startProvider = (directory: string, service: string, ...options: '--stop-first'[]) =>
  start([script('leasing-provider.mjs'), directory, service, ...options]);

/** A provider process that podwire announces in Nacos. */
export const startNacosProvider = (server: string, service: string) =>
  start([script('nacos-provider.mjs'), server, service]);

async function start(command: readonly string[]): Promise<Provider> {
  const { address, child } = await startProcess(command);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    address,
    process: child,
    kill(signal) {
      child.kill(signal);
      return gone;
    },
  };
}

export function makeDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'podwire-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
