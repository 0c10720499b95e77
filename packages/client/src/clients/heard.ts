import { EventEmitter } from 'node:events';

/** Whether an event would be noticed: there is a listener, or the caller has replaced `emit`. */
export function isHeard(emitter: EventEmitter, event: string): boolean {
  return emitter.listenerCount(event) > 0 || emitter.emit !== EventEmitter.prototype.emit;
}
