/** How often a condition is looked at: so seldom that the processes it waits for have the processor. */
const POLL_MS = 2;

/** Resolves when the condition holds; the test's own time limit ends the wait otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
}
