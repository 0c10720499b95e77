// node:http2 with gRPC's framing by hand and nothing else: no balancing but turns, no deadlines, no limits.
import { connect } from 'node:http2';

const headers = (path) => ({
  ':method': 'POST',
  ':path': path,
  te: 'trailers',
  'content-type': 'application/grpc',
});

function frame(message) {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, 5);
  return framed;
}

/** Calls back with each whole message. */
function reader(onMessage) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(1);
      if (rest.length < end) return;
      onMessage(rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  };
}

export async function open(addresses) {
  const settings = { initialWindowSize: 4 << 20 };
  const sessions = addresses.map((address) => connect(`http://${address}`, { settings }));
  await Promise.all(
    sessions.map((session) => new Promise((resolve) => session.once('remoteSettings', resolve))),
  );
  let next = 0;
  const request = (path) => sessions[next++ % sessions.length].request(headers(path));
  return {
    unary(message, done) {
      const stream = request('/bench.Echo/Unary');
      let reply;
      let status;
      stream.on('trailers', (trailers) => {
        status = trailers['grpc-status'];
      });
      stream.on(
        'data',
        reader((value) => {
          reply = value;
        }),
      );
      stream.on('end', () => done(status === '0' ? null : new Error(`grpc-status ${status}`), reply));
      stream.on('error', done);
      stream.end(frame(message));
    },
    bidi(onMessage, onEnd) {
      const stream = request('/bench.Echo/Bidi');
      stream.on('data', reader(onMessage));
      stream.on('end', () => onEnd());
      stream.on('error', onEnd);
      return { write: (message) => stream.write(frame(message)), end: () => stream.end() };
    },
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}
