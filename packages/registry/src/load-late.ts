import { createRequire } from 'node:module';

/**
 * A package that is loaded when it is first needed, at once, and that no bundler sees: in a bundle it is looked for beside the
 * bundle. `from` is the `import.meta.url` of who needs it. In a bundle of CommonJS there may be none: the program's main
 * file is beside the package then. Throws as `require` does.
 */
export function loadLate(name: string, from: string | undefined): unknown {
  return createRequire(from ?? process.argv[1] ?? process.cwd())(name);
}
