import type { Transport } from '@podwire/http2';
import { askDubbo } from './ask-dubbo.ts';
import { askTriple } from './ask-triple.ts';
import type { MetadataService } from './metadata-service.ts';
import { TRIPLE } from './read.ts';

/** The Pod's own list of its interfaces, unchecked. */
export async function askMetadataService(
  transport: Transport,
  at: MetadataService,
  revision: string,
  timeoutMs: number,
): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await (at.protocol === TRIPLE
      ? askTriple(transport, at, revision, signal)
      : askDubbo(at, revision, signal));
  } catch (error) {
    const reason = signal.aborted ? `no answer in ${timeoutMs} ms` : (error as Error).message;
    throw new Error(`its metadata service at ${at.host}:${at.port} (${at.protocol}): ${reason}`);
  }
}
