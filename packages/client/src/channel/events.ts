import type { WatchStatus } from '@podwire/registry';
import type { Mode } from '../options/mode.ts';
import type { PodState } from '../pod/state.ts';

/** Events of a channel; an EventEmitter carries them, and a listener that throws does not reach the calls. */
export interface ChannelEvents {
  /** The set of Pods changed: their ids, and where the set came from. */
  endpoints: [{ readonly version: number; readonly source: string; readonly ids: readonly string[] }];
  /** A Pod changed its state. */
  pod: [{ readonly id: string; readonly state: PodState; readonly error: string | undefined }];
  /** What the registry says, and whether it is heard. */
  registry: [WatchStatus];
  /** New calls go this way now. */
  mode: [Mode];
  /** A switch that did not take place: the new side did not connect. Calls go on where they went. */
  modeFailed: [{ readonly mode: Mode; readonly error: Error }];
  /** The watched mode file changed into something that can't be used; the modes before hold. */
  configError: [Error];
}
