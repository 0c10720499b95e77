// All rows. A row: `id`, `of` (which of several faults), `fault`, `loads`, how long (`beforeMs`, `faultMs`, `afterMs`: `[short, long]`),
// `begin` and `end` of the fault or `play` for what is not so simple, `fleet` (settings of the Pods), `promises`.
import { failing } from './rows/failing.mjs';
import { gone } from './rows/gone.mjs';
import { silent } from './rows/silent.mjs';

export const rows = [...gone, ...silent, ...failing].map((row) => ({
  ...row,
  key: row.of === undefined ? row.id : `${row.id}: ${row.of}`,
}));
