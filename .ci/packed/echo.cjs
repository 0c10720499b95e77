// A Pod for tests of other processes: says its address, ends when its input does.
const grpc = require('@grpc/grpc-js');
const provider = require('@podwire/provider');
const { serveEcho } = require('./scenario.cjs');

serveEcho({ grpc, provider }).then(({ address }) => console.log(address));
process.stdin.on('end', () => process.exit()).resume();
