// All rows. A row: `id`, `of` (which of several faults), `fault`, `loads`, how long (`beforeMs`, `faultMs`, `afterMs`: `[short, long]`),
// `begin` and `end` of the fault or `play` for what is not so simple, `fleet` (settings of the Pods), `promises`; `kinds` where grpc-js has
// nothing to compare with, `apart` where both would disturb each other, `alone` where any other row would.
import { failing } from './rows/failing.mjs';
import { fifths } from './rows/fifth.mjs';
import { gone } from './rows/gone.mjs';
import { hedged } from './rows/hedged.mjs';
import { own } from './rows/own.mjs';
import { rolls } from './rows/rolls.mjs';
import { silent } from './rows/silent.mjs';
import { slows } from './rows/slow.mjs';

export const rows = [...rolls, ...gone, ...silent, ...fifths, ...slows, ...failing, ...hedged, ...own].map(
  (row) => ({
    ...row,
    key: row.of === undefined ? row.id : `${row.id}: ${row.of}`,
  }),
);
