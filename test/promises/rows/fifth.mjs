// A Pod that is listed and cannot be connected to.
import { createServer } from 'node:net';
import { cutOff } from '../../servers/firewall.mjs';
import { A } from '../loads.mjs';
import { failed, longestAttempt } from '../measures.mjs';
import { atMost } from '../promise.mjs';

const ADDRESS = { host: '127.0.0.99', port: 50_099 };
const FIFTH = `${ADDRESS.host}:${ADDRESS.port}`;

/** Listens there; `accept` does with sockets what is wrong. */
const listening = (accept) => (stage) =>
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      accept(socket);
    });
    stage.onClose(() => server.close());
    server.listen(ADDRESS, resolve);
  });

const fifth = (of, open, fleet) => ({
  id: 'G6',
  of,
  fault: `a fifth Pod ${of}`,
  fleet,
  loads: [A],
  faultMs: [6_500, 20_000],
  afterMs: 0,
  async begin(stage) {
    await open(stage);
    stage.list([...stage.pods, { address: FIFTH }]);
  },
  promises: [
    atMost('failed', failed, { A: 0 }),
    // connectTimeoutMs and 50 ms, and what a busy machine adds.
    atMost(
      'an attempt to connect',
      longestAttempt(() => FIFTH),
      { A: 5.2 },
      ' s',
    ),
  ],
});

export const fifths = [
  fifth(
    'accepts and is silent',
    listening(() => {}),
  ),
  fifth(
    'stalls in TLS',
    listening(() => {}),
    { tls: true },
  ),
  fifth('gets no SYN', () => cutOff(ADDRESS.port)),
  fifth(
    'accepts and closes',
    listening((socket) => socket.destroy()),
  ),
];
