// Pods of the soak: grpc-go echo servers, each a process, and the document that lists them.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startBackend } from '../backend.mjs';

/** How long a Pod that leaves serves on after the document has forgotten it, and a killed one stays listed. */
const NOTICE_MS = 500;

export class Pods {
  #directory = mkdtempSync(join(tmpdir(), 'podwire-soak-'));
  #running = new Map();
  /** Addresses of those that were killed. */
  killed = new Set();

  get target() {
    return `file://${join(this.#directory, 'services.json')}#echo`;
  }

  get addresses() {
    return [...this.#running.keys()];
  }

  async start(count) {
    const started = await Promise.all(Array.from({ length: count }, () => startBackend(1)));
    for (const pod of started) this.#running.set(pod.addresses[0], pod.stop);
    this.#publish();
    return started.map(({ addresses }) => addresses[0]);
  }

  /** The oldest one leaves: unlisted and then stopped, or stopped and then unlisted. */
  async retireOldest(how) {
    const [address, stop] = this.#running.entries().next().value;
    if (how === 'killed') {
      this.killed.add(address);
      stop();
    } else {
      this.#running.delete(address);
      this.#publish();
    }
    await pause(NOTICE_MS);
    if (how !== 'killed') stop();
    else {
      this.#running.delete(address);
      this.#publish();
    }
  }

  stopAll() {
    for (const stop of this.#running.values()) stop();
    rmSync(this.#directory, { recursive: true });
  }

  #publish() {
    const endpoints = this.addresses.map((address) => ({ address }));
    const file = join(this.#directory, 'services.json');
    writeFileSync(`${file}.new`, JSON.stringify({ services: { echo: { endpoints } } }));
    renameSync(`${file}.new`, file);
  }
}
