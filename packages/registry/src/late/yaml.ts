import * as yaml from 'yaml';

/** The build makes of a module in `late/` one that loads the package when it is first asked for (.ci/late.mjs). */
export const load = () => yaml;
