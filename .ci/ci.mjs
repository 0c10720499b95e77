// The README's test command, then what needs more than Node: real servers, another Node, packed packages. Every step runs
// whatever became of those before. What waits runs beside what computes; what is measured runs alone, at the end.
import { readdirSync } from 'node:fs';
import { finish, step } from './step.mjs';

const node = process.execPath;
const VITEST = ['node_modules/vitest/vitest.mjs', 'run'];
/** Half of the machine for what runs beside the real servers. */
const BESIDE = ['--project', 'together', '--maxWorkers', '2'];
/** The tests of whole channels; those in the folders beneath name their transports themselves. */
const overChannels = readdirSync('test')
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => `test/${file}`);
const OTHER_PATH = { PODWIRE_TEST_TRANSPORT: 'node-http2', PODWIRE_TEST_CLIENT: 'createClient' };

// No build behind the first step: it would write what others are reading.
const task = (name, ...args) => ['.ci/bootstrap.mjs', name, ...args];

// Out of the way of the tests: on a clean machine this computes for minutes.
const servers = step('build servers', 'nice', ['-n', '19', node, 'test/servers/provision.mjs']);
await step('npm test', 'npm', ['test']);
await Promise.all([
  servers.then(() =>
    step('real servers', node, task('test:real', '--project', 'together', '--project', 'faults')),
  ),
  (async () => {
    const name = "tests over Node's HTTP/2, with clients that podwire makes";
    await step(name, node, [...VITEST, ...BESIDE, ...overChannels], OTHER_PATH);
    await step('tests on Node 24', node, ['.ci/newest-node.mjs', ...VITEST, ...BESIDE]);
    await step('packed packages', node, ['.ci/packages.mjs']);
  })(),
]);
await step('hostile Pods, with clients that podwire makes', node, [...VITEST, 'hostile-pods'], OTHER_PATH);
await step('simulation', node, task('sim'));
await step('real servers, measured', node, task('test:real', '--project', 'measured'));
// Those whose verdicts do not hang on the machine. All of them: `npm run promises`, on a machine without other work.
await step('promises', node, task('promises', 'G4', 'E4', 'G17', 'N1', 'Z1', '--alone'));
await step('CPU a call against the last record', node, task('bench', '--check', '--ms', '1000'));
await step('time to import', node, ['bench/footprint/import.mjs', '--attempts', '4']);
finish();
