// @ts-check
// Starts one server for a person to try things on, until Ctrl-C: node test/servers/start.mjs nacos '{"version":"3.1"}'
import { startGrpcGoInterop } from './grpc-go.mjs';
import { startKubernetes } from './kubernetes.mjs';
import { startNacos } from './nacos.mjs';

/** @type {Readonly<Record<string, (options: any) => Promise<{ close(): Promise<void> }>>>} */
const servers = { 'grpc-go': startGrpcGoInterop, nacos: startNacos, kubernetes: startKubernetes };

const [name = '', options = '{}'] = process.argv.slice(2);
const start = servers[name];
if (start === undefined) {
  console.error(`usage: node test/servers/start.mjs ${Object.keys(servers).join('|')} [options as JSON]`);
  process.exit(2);
}
const server = await start(JSON.parse(options));
console.log(JSON.stringify(server, undefined, 2));
console.log('running; Ctrl-C ends it');
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => server.close().then(() => process.exit()));
}
setInterval(() => {}, 1 << 30);
