// Plays one row in the namespaces that it was started in and prints what came of it as JSON, on the last line:
// node play.mjs <key of the row> [--long]
import { judge } from './promise.mjs';
import { rows } from './rows.mjs';
import { Stage } from './stage.mjs';

const [key, mode] = process.argv.slice(2);
const row = rows.find((one) => one.key === key);
const long = mode === '--long';

/** What most rows do: a fault, and its end. */
async function faultAndEnd(stage) {
  await stage.start();
  await stage.pause(stage.lengthOf(row.beforeMs ?? 1_500));
  stage.mark('fault');
  await row.begin(stage);
  await stage.pause(stage.lengthOf(row.faultMs));
  stage.mark('healed');
  await row.end?.(stage);
  await stage.pause(stage.lengthOf(row.afterMs ?? 1_000));
}

/** One playing: its history. */
async function play(kinds) {
  const stage = new Stage(row, long, kinds);
  try {
    await stage.open();
    await (row.play ?? faultAndEnd)(stage);
    return await stage.stop();
  } finally {
    await stage.close();
  }
}

const histories = [];
// Where each kind would disturb the other, each has its own time and Pods.
for (const kinds of row.apart ? [['podwire'], ['grpc-js']] : [row.kinds]) histories.push(await play(kinds));
const of = (kind, load) =>
  histories.map((history) => history.of(kind, load)).find((one) => one !== undefined);
const sum = (kind) =>
  histories
    .map((history) => history.executedTwice(kind))
    .reduce((a, b) => ({ twice: a.twice + b.twice, calls: a.calls + b.calls }));
const lines = row.promises
  .filter((promise) => long || !promise.long)
  .flatMap((promise) => judge(row, promise, of));
const failures = histories.flatMap((history) => history.failures());
console.log(
  JSON.stringify({ lines, twice: { podwire: sum('podwire'), 'grpc-js': sum('grpc-js') }, failures }),
);
process.exit();
