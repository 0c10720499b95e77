import type { ChannelOptions, PodwireChannel } from 'podwire';
import type { InteropClient } from './client.ts';

/** An interop server, and clients for it. */
export interface InteropPeer {
  readonly address: string;
  readonly client: InteropClient;
  readonly unimplemented: InteropClient;
  /** Another channel with the same transport and TLS, to the server or to the proxy before it; its caller closes it. */
  open(options?: ChannelOptions, addresses?: readonly string[]): PodwireChannel;
}

/** One case of https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md */
export type InteropCase = (peer: InteropPeer) => Promise<void>;
