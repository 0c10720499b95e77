// What is measured. Each runs for a time and counts; the worker turns counts into costs.
const message = (bytes) => Buffer.alloc(bytes, 'podwire');

/** Unary calls, so many at a time. */
function unary(inFlight, bytes) {
  return (client, state) =>
    new Promise((resolve, reject) => {
      const body = message(bytes);
      let open = 0;
      const send = () => {
        open += 1;
        const startedNs = process.hrtime.bigint();
        client.unary(body, (error, reply) => {
          open -= 1;
          if (error) return reject(error);
          if (reply.length !== bytes) return reject(new Error(`${reply.length} bytes came back`));
          state.count += 1;
          if (state.latencies) state.latencies.push(Number(process.hrtime.bigint() - startedNs) / 1e6);
          if (state.running) send();
          else if (open === 0) resolve();
        });
      };
      for (let i = 0; i < inFlight; i++) send();
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

export const workloads = {
  'unary-64': { title: 'unary, 64 in flight', run: unary(64, 100) },
  'unary-1': { title: 'unary, 1 in flight', run: unary(1, 100) },
  'bidi-4x64': { title: 'bidi, 4 streams, 64 in flight each', run: bidi(4, 64, 100) },
};
