// A provider process for tests: node test/support/echo-provider.mjs '{"nacos":"127.0.0.1:8848","serve":{…}}'
import * as grpc from '@grpc/grpc-js';
import { serve } from '@podwire/provider';
import { nacos } from '../../packages/registry-nacos/dist/index.js';

const { nacos: address, serve: options } = JSON.parse(process.argv[2] ?? '{}');
const registry = nacos({ servers: [address], requestTimeoutMs: 60_000 });
const announce = registry.announce.bind(registry);
// Says when it knows that it is withdrawn: what the registry lists tells that sooner.
registry.announce = async (...args) => {
  const announced = await announce(...args);
  const withdraw = announced.withdraw.bind(announced);
  announced.withdraw = async () => {
    await withdraw();
    console.log('withdrawn');
  };
  return announced;
};
const bytes = (value) => value;
const server = new grpc.Server();
const method = { requestStream: false, responseStream: false, requestSerialize: bytes };
const rest = { requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
server.addService(
  {
    quick: { path: '/test.Echo/Quick', ...method, ...rest },
    never: { path: '/test.Echo/Never', ...method, ...rest },
  },
  {
    quick: (call, reply) => reply(null, call.request),
    never: () => console.log('never'),
  },
);
const provider = await serve(server, {
  address: '127.0.0.1:0',
  credentials: grpc.ServerCredentials.createInsecure(),
  registry,
  service: 'echo',
  host: '127.0.0.1',
  onStopped: (report) => {
    console.log(`stopped ${JSON.stringify(report)}`);
    process.exit();
  },
  ...options,
});
console.log(`serves ${provider.address}`);
