// Packages that take longer to load than podwire itself, and that few processes need: each has a module in its user's `src/late/`,
// which imports it at once. In what is built it is loaded by the first call, without waiting, in both formats, under Jest too, and
// bundlers see it. A CommonJS file requires it where it is called. An ES module cannot: it imports `late.cjs`, which can.
import { basename } from 'node:path';

const LATE = /[\\/]src[\\/]late[\\/][\w-]+\.ts$/;

/** The plugin for rolldown, and the text of `late.cjs` once it is written: undefined where nothing is late. */
export function late(format) {
  const packages = new Set();
  return {
    plugin: {
      name: 'late',
      load(id) {
        if (!LATE.test(id)) return undefined;
        const name = basename(id, '.ts');
        packages.add(name);
        return format === 'cjs'
          ? `export const load = () => require('${name}');`
          : `export { ${name} as load } from './late.cjs';`;
      },
      resolveId: (id) => (id === './late.cjs' ? { id, external: true } : undefined),
    },
    file: () =>
      packages.size === 0
        ? undefined
        : `'use strict';\n${[...packages].map((name) => `exports.${name} = () => require('${name}');\n`).join('')}`,
  };
}
