import type { PodwireChannel } from 'podwire';
import { expect } from 'vitest';

/** Waits until the channel knows why it is not ready, and lets it say so. */
export async function whyNotReady(channel: PodwireChannel): Promise<Error & { readonly cause?: unknown }> {
  const reason = () => {
    const { lastError, missing } = channel.snapshot().registry ?? {};
    return lastError ?? missing;
  };
  await expect.poll(reason, { timeout: 10_000 }).toBeDefined();
  return channel.ready({ timeoutMs: 50 }).then(
    () => expect.fail('the channel is ready'),
    (error) => error,
  );
}
