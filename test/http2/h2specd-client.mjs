// The client that h2specd runs once for each of its cases, with the address to call; h2specd.mjs starts it.
import * as http2 from '../../packages/http2/dist/index.js';

const name = process.env.PODWIRE_TRANSPORT ?? 'http2';
const transport = [http2.ownHttp2Transport, http2.nodeHttp2Transport].find((one) => one.name === name);
const url = new URL(process.argv.at(-1));
const hold = setTimeout(() => process.exit(), 2_500);
const method = { path: url.pathname, authority: url.host, headers: ['te', 'trailers'] };
const handler = { onHeaders() {}, onMessage() {}, onEnd() {} };
const connection = transport.connect(
  {
    host: url.hostname,
    port: Number(url.port),
    tls: undefined,
    connectTimeoutMs: 2_000,
    keepaliveTimeMs: 0,
    keepaliveTimeoutMs: 1_000,
    keepaliveWithoutCalls: false,
    maxHeaderListBytes: 16_384,
  },
  {
    onReady() {
      const stream = connection.open({ method, headers: [], maxReceiveBytes: -1 }, handler);
      stream.request(100);
      stream.halfClose();
    },
    onDraining() {},
    onRoom() {},
    // Gives h2specd the time to read why.
    onClosed: () => {
      clearTimeout(hold);
      setTimeout(() => process.exit(), 300);
    },
  },
);
