// The options of grpc-js that a careful user sets, in words and in fact.

export const OPTIONS = 'round_robin, keepalive after 10 s with 5 s to answer, while calls are open';

export const options = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
};
