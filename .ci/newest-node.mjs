// Runs a command's arguments on the newest LTS Node, from the npm package that ships its binary: node .ci/newest-node.mjs <script> …
import { spawnSync } from 'node:child_process';
import { nodeBinary } from './installed.mjs';

const LTS = '24';

const { status, error } = spawnSync(await nodeBinary(LTS), process.argv.slice(2), { stdio: 'inherit' });
if (error) console.error(error.message);
process.exitCode = status ?? 1;
