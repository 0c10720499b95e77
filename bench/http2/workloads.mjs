// What the transports are asked to do, straight through the interface of packages/http2/src/transport.ts.
const method = {
  path: '/bench.Echo/Unary',
  authority: 'bench',
  headers: ['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', 'podwire-bench'],
};
const HEADERS = ['grpc-timeout', '10S'];

class UnaryHandler {
  constructor(run) {
    this.run = run;
    this.bytes = 0;
  }
  onHeaders() {}
  onMessage(message) {
    this.bytes = message.length;
  }
  onEnd(end) {
    this.run.ended(end, this.bytes);
  }
}

function unary(inFlight, bytes) {
  return (connections, state) =>
    new Promise((resolve, reject) => {
      const body = Buffer.alloc(bytes, 'podwire');
      const head = { method, headers: HEADERS, maxReceiveBytes: 4 << 20 };
      let next = 0;
      let open = 0;
      const run = {
        ended(end, got) {
          open -= 1;
          if (end.kind !== 'trailers' || got !== bytes) reject(new Error(JSON.stringify({ end, got })));
          state.count += 1;
          if (state.running) send();
          else if (open === 0) resolve();
        },
      };
      const send = () => {
        open += 1;
        const stream = connections[next++ % connections.length].open(head, new UnaryHandler(run));
        stream.request(1);
        stream.sendMessage(body, false, true, undefined);
      };
      for (let i = 0; i < inFlight; i++) send();
    });
}

function bidi(streams, inFlight, bytes) {
  return (connections, state) =>
    Promise.all(
      Array.from({ length: streams }, (_, i) => {
        const body = Buffer.alloc(bytes, 'podwire');
        return new Promise((resolve, reject) => {
          let open = inFlight;
          const handler = {
            onHeaders() {},
            onMessage() {
              state.count += 1;
              stream.request(1);
              if (state.running) stream.sendMessage(body, false, false, undefined);
              else if (--open === 0) stream.halfClose();
            },
            onEnd: (end) => (end.kind === 'trailers' ? resolve() : reject(new Error(JSON.stringify(end)))),
          };
          const head = { method, headers: HEADERS, maxReceiveBytes: 4 << 20 };
          const stream = connections[i % connections.length].open(head, handler);
          stream.request(1);
          for (let k = 0; k < inFlight; k++) stream.sendMessage(body, false, false, undefined);
        });
      }),
    );
}

export const workloads = {
  'unary-64': unary(64, 100),
  'unary-1': unary(1, 100),
  'bidi-4x64': bidi(4, 64, 100),
  'unary-8x64KiB': unary(8, 64 * 1024),
  'unary-8x1MiB': unary(8, 1024 * 1024),
};
