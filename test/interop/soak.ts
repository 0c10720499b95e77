import { expect } from 'vitest';
import { call, type InteropClient, interopClient, type Reply } from './client.ts';
import { zeros } from './payloads.ts';
import type { InteropCase } from './peer.ts';

/** By the interop client's flags: soak_iterations, …_per_iteration_max_acceptable_latency_ms, …_overall_timeout_seconds, …_num_threads. */
const ITERATIONS = Number(process.env.PODWIRE_SOAK_ITERATIONS ?? 20);
const MAX_LATENCY_MS = 1_000;
const OVERALL_TIMEOUT_MS = 10_000 + ITERATIONS * 500;
const THREADS = 2;
const request = { responseSize: 314_159, payload: zeros(271_828) };

/** Every iteration must succeed, and within the time that one may take; all of them must be over in time. */
async function soak(iteration: () => { client: InteropClient; done(): Promise<void> }): Promise<void> {
  const failures: string[] = [];
  const startedMs = performance.now();
  let ran = 0;
  const worker = async () => {
    for (let i = 0; i < ITERATIONS / THREADS && performance.now() - startedMs < OVERALL_TIMEOUT_MS; i++) {
      const { client, done } = iteration();
      const beganMs = performance.now();
      try {
        const reply = await call<Reply>(client, 'unaryCall', request);
        const tookMs = performance.now() - beganMs;
        if (reply.payload.body.length !== request.responseSize)
          failures.push(`iteration ${i}: a wrong reply`);
        if (tookMs > MAX_LATENCY_MS) failures.push(`iteration ${i} took ${tookMs.toFixed(0)} ms`);
      } catch (error) {
        failures.push(`iteration ${i}: ${(error as Error).message}`);
      }
      ran += 1;
      await done();
    }
  };
  await Promise.all(Array.from({ length: THREADS }, worker));
  expect(failures).toEqual([]);
  expect(ran, `iterations in ${OVERALL_TIMEOUT_MS} ms`).toBe(ITERATIONS);
}

export const soakCases: Readonly<Record<string, InteropCase>> = {
  /** One channel for all. */
  rpc_soak: ({ client }) => soak(() => ({ client, done: async () => {} })),

  /** A channel for each call. */
  channel_soak: ({ open }) =>
    soak(() => {
      const channel = open();
      return { client: interopClient(channel), done: () => channel.close() };
    }),
};
