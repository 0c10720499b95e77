// All rows. A row: `id`, `of` (which of several faults), `fault`, `loads`, how long (`beforeMs`, `faultMs`, `afterMs`: `[short, long]`),
// `begin` and `end` of the fault or `play` for what is not so simple, `fleet` (settings of the Pods), `promises`; `kinds` where grpc-js has
// nothing to compare with, `apart` where both would disturb each other, `alone` where any other row would.
import { crowds } from './rows/crowd.mjs';
import { failing } from './rows/failing.mjs';
import { fifths } from './rows/fifth.mjs';
import { gone } from './rows/gone.mjs';
import { hedged } from './rows/hedged.mjs';
import { io } from './rows/io.mjs';
import { overloads } from './rows/overload.mjs';
import { own } from './rows/own.mjs';
import { peers } from './rows/peers.mjs';
import { rolls } from './rows/rolls.mjs';
import { sets } from './rows/sets.mjs';
import { silent } from './rows/silent.mjs';
import { slows } from './rows/slow.mjs';
import { tolds } from './rows/told.mjs';

export const rows = [
  ...rolls,
  ...gone,
  ...silent,
  ...fifths,
  ...slows,
  ...crowds,
  ...failing,
  ...hedged,
  ...own,
  ...io,
  ...peers,
  ...sets,
  ...overloads,
  ...tolds,
].map((row) => ({
  ...row,
  key: row.of === undefined ? row.id : `${row.id}: ${row.of}`,
}));
