// What is measured. Each runs for a time, or for a number of calls, and counts; the worker turns counts into costs.
const message = (bytes) => Buffer.alloc(bytes, 'podwire');

/** Unary calls, so many at a time. */
function unary(inFlight, bytes) {
  return (client, state) =>
    new Promise((resolve, reject) => {
      const body = message(bytes);
      let open = 0;
      const send = () => {
        open += 1;
        const startedMs = state.latencies && performance.now();
        client.unary(body, (error, reply) => {
          open -= 1;
          if (error) return reject(error);
          if (reply.length !== bytes) return reject(new Error(`${reply.length} bytes came back`));
          state.count += 1;
          state.latencies?.push(performance.now() - startedMs);
          if (state.running) send();
          else if (open === 0) resolve();
        });
      };
      for (let i = 0; i < inFlight; i++) send();
    });
}

/** Unary calls at a rate, whatever becomes of those before; each is timed from when it was due. */
function openLoop(bytes) {
  return (client, state) =>
    new Promise((resolve, reject) => {
      const body = message(bytes);
      const beganMs = performance.now();
      let sent = 0;
      let open = 0;
      const send = (dueMs) => {
        open += 1;
        client.unary(body, (error) => {
          open -= 1;
          if (error) return reject(error);
          state.count += 1;
          state.latencies?.push(performance.now() - dueMs);
          if (!state.running && open === 0) resolve();
        });
      };
      const tick = () => {
        const due = ((performance.now() - beganMs) / 1_000) * state.rate;
        while (sent < due) send(beganMs + (sent++ / state.rate) * 1_000);
        // Not by a timer: it would be late by a millisecond and more, and its lateness would be what is measured.
        if (state.running) setImmediate(tick);
        else if (open === 0) resolve();
      };
      tick();
    });
}

/** Messages on long streams and their echoes, so many on the way at a time. */
function bidi(streams, inFlight, bytes) {
  return (client, state) =>
    Promise.all(
      Array.from(
        { length: streams },
        () =>
          new Promise((resolve, reject) => {
            const body = message(bytes);
            let open = inFlight;
            const stream = client.bidi(
              () => {
                state.count += 1;
                if (state.running) stream.write(body);
                else if (--open === 0) stream.end();
              },
              (error) => (error ? reject(error) : resolve()),
            );
            for (let i = 0; i < inFlight; i++) stream.write(body);
          }),
      ),
    );
}

const JS = ['podwire', 'podwire-client', 'podwire-node-http2', 'grpc-js', 'node-http2'];

/** `clients` are measured unless the command names others. */
export const workloads = {
  'unary-64': {
    title: 'unary, 64 in flight',
    run: unary(64, 100),
    clients: [...JS, 'grpc-js-layer', 'grpc-go', 'envoy'],
  },
  'unary-1': { title: 'unary, 1 in flight', run: unary(1, 100), clients: [...JS, 'grpc-go', 'envoy'] },
  'bidi-4x64': { title: '4 streams, 64 messages in flight each', run: bidi(4, 64, 100), clients: JS },
  'bidi-1x256': { title: '1 stream, 256 messages in flight', run: bidi(1, 256, 100), clients: JS },
  'unary-64KiB': {
    title: '64 KiB echoed, 8 in flight',
    run: unary(8, 64 * 1024),
    bytes: 64 * 1024,
    clients: ['podwire', 'podwire-client', 'grpc-js', 'node-net'],
  },
  'unary-1MiB': {
    title: '1 MiB echoed, 8 in flight',
    run: unary(8, 1024 * 1024),
    bytes: 1024 * 1024,
    clients: ['podwire', 'podwire-client', 'grpc-js', 'node-net'],
  },
  'tls-unary-64': {
    title: 'unary over TLS, 64 in flight',
    run: unary(64, 100),
    tls: true,
    clients: ['podwire', 'podwire-client', 'grpc-js'],
  },
  'open-loop': {
    title: "unary at half of grpc-js's peak rate",
    run: openLoop(100),
    // The last answers at once: what is late with it is the measurement itself.
    clients: ['podwire', 'podwire-client', 'grpc-js', 'grpc-js-layer'],
  },
};
