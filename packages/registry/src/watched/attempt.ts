import type { Clock } from '@podwire/core';
import type { Registry, RegistryUpdate } from '../registry.ts';

/** A registry without any update for this long is started again. */
const FIRST_ANSWER_MS = 30_000;

interface Handlers {
  /** The next update is requested once the returned promise resolves. */
  readonly onUpdate: (update: RegistryUpdate) => Promise<void> | undefined;
  readonly onRecheck: (look: () => void) => void;
}

/**
 * Runs a registry's watch once and returns the error that it ended with. Never throws, and never waits for a registry that
 * does not end when it should.
 */
export async function attempt(
  registry: Registry,
  service: string,
  clock: Clock,
  signal: AbortSignal,
  { onUpdate, onRecheck }: Handlers,
): Promise<unknown> {
  const own = new AbortController();
  let giveUp: (why: Error) => void = () => {};
  const givenUp = new Promise<Error>((resolve) => {
    giveUp = resolve;
  });
  const stop = (why: string) => {
    giveUp(new Error(why));
    own.abort();
  };
  const onAbort = () => stop('closed');
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = clock.after(FIRST_ANSWER_MS, () =>
    stop(`the registry said nothing for ${FIRST_ANSWER_MS} ms`),
  );
  const work = async () => {
    // The `await` is for registries whose author wrote `async` for `async *`: their rejection is caught here instead of being unhandled.
    for await (const update of await registry.watch(service, { signal: own.signal, onRecheck })) {
      timer.cancel();
      if (own.signal.aborted) break;
      const wait = onUpdate(update);
      if (wait !== undefined) await wait;
    }
    return new Error('the registry ended the watch');
  };
  try {
    return await Promise.race([work(), givenUp]);
  } catch (error) {
    return error;
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
    own.abort();
  }
}
