// Plays one row in the namespaces that it was started in and prints what came of it as JSON, on the last line:
// node play.mjs <key of the row> [--long]
import { judge } from './promise.mjs';
import { rows } from './rows.mjs';
import { Stage } from './stage.mjs';

const [key, mode] = process.argv.slice(2);
const row = rows.find((one) => one.key === key);
const stage = new Stage(row, mode === '--long');

/** What most rows do: a fault, and its end. */
async function faultAndEnd() {
  await stage.start();
  await stage.pause(stage.lengthMs(row.beforeMs ?? 1_500));
  stage.mark('fault');
  await row.begin(stage);
  await stage.pause(stage.lengthMs(row.faultMs));
  stage.mark('healed');
  await row.end?.(stage);
  await stage.pause(stage.lengthMs(row.afterMs ?? 1_000));
}

await stage.open();
try {
  await (row.play ? row.play(stage) : faultAndEnd());
  const history = await stage.stop();
  const lines = row.promises.flatMap((promise) => judge(row, promise, history));
  const twice = { podwire: history.executedTwice('podwire'), 'grpc-js': history.executedTwice('grpc-js') };
  console.log(JSON.stringify({ lines, twice, failures: history.failures() }));
} finally {
  stage.close();
}
process.exit();
