import type { StreamHead } from '@podwire/http2';
import type { MethodConfig } from '../options/method-config.ts';

/** One method of the service as a channel calls it; made at the first call and kept. */
export interface Method {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly config: MethodConfig;
  readonly maxSendBytes: number;
  readonly maxReceiveBytes: number;
  /** What starts a call without headers of its own, by authority. */
  readonly heads: Map<string, StreamHead>;
}
