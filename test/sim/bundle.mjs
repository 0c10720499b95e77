// Makes one file of the simulation and of the packages' sources, which Node runs without a loader.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const source = (name, file) => `${root}packages/${name}/src/${file}`;
const alias = Object.fromEntries(
  readdirSync(`${root}packages`).flatMap((name) => {
    const entry = name === 'client' ? 'podwire' : `@podwire/${name}`;
    return [
      [`${entry}/testing`, source(name, 'testing/index.ts')],
      [entry, source(name, 'index.ts')],
    ];
  }),
);

/** Writes the bundle to `file`. `changes`: by file below packages/, what to change in it; each must be found exactly once. */
export async function bundle(file, changes = {}) {
  const left = new Set(Object.keys(changes));
  const planted = {
    name: 'planted',
    transform(code, id) {
      const path = id.slice(`${root}packages/`.length);
      if (!left.delete(path)) return undefined;
      let changed = code;
      for (const [from, to] of changes[path]) {
        if (changed.split(from).length !== 2) throw new Error(`${path} has not exactly one of: ${from}`);
        changed = changed.replace(from, () => to);
      }
      return changed;
    },
  };
  const bundled = await rolldown({
    input: fileURLToPath(new URL('run.ts', import.meta.url)),
    platform: 'node',
    resolve: { alias },
    plugins: [planted],
    external: [/^node:/, /^@grpc\//],
  });
  await bundled.write({ file, format: 'esm', codeSplitting: false });
  await bundled.close();
  if (left.size > 0) throw new Error(`not part of the simulation: ${[...left].join(', ')}`);
}
