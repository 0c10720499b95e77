import type { RawHeaders } from '../transport.ts';

/** Whether these trailers say that the call failed, whatever lies unread before them. */
export function saysFailure(trailers: RawHeaders): boolean {
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    if (trailers[i] === 'grpc-status') return trailers[i + 1] !== '0';
  }
  return false;
}
