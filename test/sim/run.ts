// What a process of its own runs: one order after another, each answered by its outcome.
import { createWriteStream } from 'node:fs';
import { type Order, planOf, simulate } from './simulate.ts';
import { SITUATIONS } from './situations.ts';

/** One order as the process gets it. */
type Request = Order & { readonly historyFile?: string };

async function answer(order: Request): Promise<void> {
  const file = order.historyFile === undefined ? undefined : createWriteStream(order.historyFile);
  const { stopsAt } = order;
  const write = file && { write: (line: string) => void file.write(`${line}\n`) };
  const outcome = await simulate(planOf(order), { ...write, stopsAt });
  if (file !== undefined) await new Promise<void>((resolve) => file.end(resolve));
  process.send!({ outcome });
}

process.on('message', (order: Request) => {
  answer(order).catch((error: unknown) => {
    throw error;
  });
});
process.on('disconnect', () => process.exit());
process.send!({ situations: SITUATIONS });
