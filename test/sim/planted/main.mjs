// node test/sim/planted/main.mjs [name …]: plants each fault, and simulates until the invariant that must catch it does.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bundle } from '../bundle.mjs';
import { Runner } from '../runner.mjs';
import { BUGS } from './bugs.mjs';

/** Within so many seeds each must be caught. */
const MAX_SEEDS = 100;
const folder = fileURLToPath(new URL('../../../node_modules/.cache/podwire-sim/', import.meta.url));
const seedsFile = new URL('seeds.json', import.meta.url);
mkdirSync(folder, { recursive: true });

/** The seeds that caught each fault last: tried first. */
const known = JSON.parse(readFileSync(seedsFile, 'utf8'));
const wanted = BUGS.filter(
  ({ name }) => process.argv.length < 3 || process.argv.slice(2).some((text) => name.includes(text)),
);

/** The seed that catches it, and how many were tried. */
async function hunt({ name, invariant, file, from, to }) {
  const path = `${folder}planted-${process.pid}-${BUGS.findIndex((bug) => bug.name === name)}.mjs`;
  await bundle(path, { [file]: [[from, to]] });
  const runner = new Runner(path, 1);
  const others = {};
  try {
    const seeds = [known[name], ...Array.from({ length: MAX_SEEDS }, (_, i) => i + 1)].filter(
      (seed) => seed !== undefined,
    );
    for (const [i, seed] of seeds.slice(0, MAX_SEEDS).entries()) {
      const { violations } = await runner.one({ seed, stopsAt: invariant });
      if (violations.some((one) => one.invariant === invariant)) return { seed, tried: i + 1, others };
      for (const one of violations) others[one.invariant] = (others[one.invariant] ?? 0) + 1;
    }
    return { seed: undefined, tried: MAX_SEEDS, others };
  } finally {
    runner.close();
    rmSync(path);
  }
}

const left = [...wanted];
let failed = 0;
async function lane() {
  for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
    const startedMs = performance.now();
    const { seed, tried, others } = await hunt(bug).catch((error) => ({ tried: 0, others: error.message }));
    if (seed === undefined) failed += 1;
    else known[bug.name] = seed;
    const end =
      seed === undefined
        ? `NOT CAUGHT in ${tried} seeds; others: ${JSON.stringify(others)}`
        : `seed ${seed}, ${tried} tried`;
    console.log(
      `${bug.invariant}  ${bug.name}: ${end}, ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`,
    );
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, lane));
if (process.env.PODWIRE_RECORD === 'planted') {
  const { writeFileSync } = await import('node:fs');
  const recorded = Object.fromEntries(
    BUGS.flatMap(({ name }) => (known[name] === undefined ? [] : [[name, known[name]]])),
  );
  writeFileSync(seedsFile, `${JSON.stringify(recorded, null, 2)}\n`);
}
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
