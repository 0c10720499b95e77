// What podwire promises against its peers: each a ratio of two figures of one run. `less` is better at most so much.
const us = 'client CPU';

export const targets = [
  ratio(
    'unary-64',
    'podwire',
    'cpuUs',
    'grpc-js',
    1 / 5,
    1 / 8,
    `unary, 64 in flight, generated client: ${us}`,
  ),
  ratio('unary-64', 'podwire', 'perSecond', 'grpc-js', 4, 6, 'same: calls a second'),
  ratio('unary-64', 'podwire-client', 'cpuUs', 'grpc-js', 1 / 9, 1 / 15, `same with createClient: ${us}`),
  ratio('unary-64', 'podwire-client', 'cpuUs', 'grpc-go', 1, 0.6, `same with createClient: ${us}`),
  ratio('unary-1', 'podwire', 'p50Ms', 'grpc-js', 0.7, 0.5, 'unary, 1 in flight: median latency'),
  ratio('bidi-4x64', 'podwire', 'cpuUs', 'grpc-js', 1 / 3, 1 / 5, `4 streams, 64 messages in flight: ${us}`),
  ratio('bidi-1x256', 'podwire', 'cpuUs', 'grpc-js', 1 / 3, 1 / 5, `1 stream, 256 messages in flight: ${us}`),
  ratio(
    'unary-64KiB',
    'podwire',
    'perSecond',
    'grpc-js',
    1.5,
    3,
    '64 KiB echoed, 8 in flight: bytes a second',
  ),
  ratio('unary-1MiB', 'podwire', 'perSecond', 'grpc-js', 1.5, 3, '1 MiB echoed, 8 in flight: bytes a second'),
  ratio('tls-unary-64', 'podwire', 'cpuUs', 'grpc-js', 1 / 3, 1 / 5, `TLS, unary, 64 in flight: ${us}`),
  ratio('open-loop', 'podwire', 'p99Ms', 'grpc-js', 0.5, 0.25, "unary at half of grpc-js's peak rate: p99"),
  ratio(
    'unary-64',
    'podwire',
    'garbageBytes',
    'grpc-js',
    1 / 6,
    1 / 10,
    'garbage a unary call, generated client',
  ),
  // What podwire replaces: no floor, it is there to be seen.
  ratio(
    'unary-64',
    'podwire',
    'cpuUs',
    'envoy',
    undefined,
    undefined,
    `unary, 64 in flight: CPU, with the sidecar's`,
  ),
];

function ratio(workload, client, key, against, floor, aim, title) {
  return { workload, client, key, against, floor, aim, title, more: key === 'perSecond' };
}

/** A target with what was measured; undefined when one of the two was not. */
export function judge(target, results) {
  const of = (client) => results[target.workload]?.clients[client]?.[target.key];
  const [mine, theirs] = [of(target.client), of(target.against)];
  if (mine === undefined || theirs === undefined) return undefined;
  const value = mine / theirs;
  const reaches = (bound) => (target.more ? value >= bound : value <= bound);
  const { floor, aim } = target;
  const verdict = floor === undefined ? '' : reaches(aim) ? 'aim' : reaches(floor) ? 'floor' : 'MISSED';
  return { ...target, mine, theirs, value, verdict };
}
