// Puts the documentation into the package that people install, when it is packed (its script `prepack`).
import { cpSync, rmSync } from 'node:fs';

rmSync('docs', { recursive: true, force: true });
cpSync('../../docs', 'docs', { recursive: true });
