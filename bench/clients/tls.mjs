import { readFileSync } from 'node:fs';

/** The test authority that signed the echo server's certificate for 127.0.0.1. */
export const ca = readFileSync(new URL('../../test/certs/ca-one.pem', import.meta.url));
