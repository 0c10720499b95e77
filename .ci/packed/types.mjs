// The packages' types as users' TypeScripts see them: each version from 5.0 on, in each way of resolving that it has.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from '../installed.mjs';
import { run } from '../run.mjs';

const VERSIONS = ['5.0', '5.3', '5.6', '5.9', '6.0', '7.0'];
const NAMES = [
  'podwire',
  'podwire/testing',
  '@podwire/balancer',
  '@podwire/core',
  '@podwire/core/testing',
  '@podwire/http2',
  '@podwire/http2/testing',
  '@podwire/provider',
  '@podwire/registry',
  '@podwire/registry/testing',
  '@podwire/registry-kubernetes',
  '@podwire/registry-nacos',
];

/** Also narrows, and has an error that must be one. */
const PROGRAM = `${NAMES.map((name, i) => `import * as _${i} from '${name}';`).join('\n')}
import { Metadata } from '@grpc/grpc-js';
import { createChannel, InvalidInput, type PodwireChannel } from 'podwire';
import { type Clock } from '@podwire/registry';
import { VirtualClock } from '@podwire/registry/testing';
export const packages = [${NAMES.map((_, i) => `_${i}`)}];
export const channel: PodwireChannel = createChannel('static:///127.0.0.1:1');
channel.events.on('endpoints', ({ ids }) => ids.map((id) => id.toUpperCase()));
export const clock: Clock = new VirtualClock();
export const metadata = new Metadata();
export const pathOf = (error: unknown): string => (error instanceof InvalidInput ? error.path : '');
// @ts-expect-error a target is no number
createChannel(1);
`;
/** One program of both kinds of modules, whose classes are the same. */
const COMMONJS = `import { createChannel, InvalidInput } from 'podwire';
export const error = new InvalidInput('path', 1, 'rule');
export const channel = createChannel('static:///127.0.0.1:1');
`;
const MIXED = `import { type InvalidInput, type PodwireChannel } from 'podwire';
import commonJs = require('./commonjs.cjs');
export const error: InvalidInput = commonJs.error;
export const channel: PodwireChannel = commonJs.channel;
`;
const FILES = { 'program.ts': PROGRAM, 'program.mts': PROGRAM, 'commonjs.cts': COMMONJS, 'mixed.mts': MIXED };

/** Each with its module format and what it checks: 7 has no node10 any more, and nodenext is what node16 was until 5.8. */
function resolutionsOf(version) {
  const ignored = version >= '6' ? ['--ignoreDeprecations', '6.0'] : [];
  const node = version >= '5.9' ? 'nodenext' : 'node16';
  return [
    ...(version >= '7' ? [] : [['node10', 'commonjs', ['program.ts'], ignored]]),
    [node, node, Object.keys(FILES), []],
    ['bundler', 'esnext', ['program.ts'], []],
  ];
}

// Every declaration is checked, by a TypeScript that includes only the types it is told.
const STRICT = [
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noEmit',
  '--pretty',
  'false',
  '--types',
  'node',
];
const TARGET = ['--lib', 'es2022', '--target', 'es2022'];

export async function typeJobs(user, versions = VERSIONS) {
  const aliases = VERSIONS.map((version) => [`ts-${version}`, `npm:typescript@${version}`]);
  const directory = await installed('typescripts', Object.fromEntries(aliases));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(user, name), text);
  const jobs = {};
  for (const version of versions) {
    jobs[`types: TypeScript ${version}`] = async () => {
      for (const [resolution, module, files, extra] of resolutionsOf(version)) {
        const how = ['--module', module, '--moduleResolution', resolution, ...extra];
        const tsc = join(directory, 'node_modules', `ts-${version}`, 'bin', 'tsc');
        try {
          await run(process.execPath, [tsc, ...STRICT, ...TARGET, ...how, ...files], { cwd: user });
        } catch (error) {
          const faults = error.message.split('\n').filter((line) => line.includes('error TS'));
          // grpc-js's own declarations need a newer TypeScript than 5.4 there, for the types of `long`.
          if (!faults.every((line) => line.startsWith('node_modules/@grpc/')) || faults.length === 0)
            throw error;
        }
      }
    };
  }
  return jobs;
}
