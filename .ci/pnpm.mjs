/**
 * The pnpm that everything is installed and packed by. Not package.json's `packageManager`: pnpm would want itself in the
 * lockfile then, and refuse to install from a frozen one.
 */
export const PNPM = 'pnpm@12.20.0';
