// Runs h2spec's 57 cases for HTTP/2 clients: npm run build && node test/http2/h2specd.mjs. PODWIRE_TRANSPORT names another transport.
import { fileURLToPath } from 'node:url';
import { provision } from '../servers/cache.mjs';
import { runH2specd } from '../servers/h2specd.mjs';
import { items } from '../servers/items.mjs';

provision(items.h2specd);
const client = fileURLToPath(new URL('h2specd-client.mjs', import.meta.url));
const cases = await runH2specd({ command: `${process.execPath} ${client}` });
for (const { name, failure } of cases)
  console.log(`${failure === undefined ? 'ok    ' : 'FAILED'} ${name}${failure ? `\n${failure}` : ''}`);
const passed = cases.filter(({ failure }) => failure === undefined).length;
console.log(`${cases.length} cases, ${passed} passed`);
process.exitCode = passed === cases.length ? 0 : 1;
