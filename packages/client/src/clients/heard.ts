import { EventEmitter } from 'node:events';

/** Whether an event would reach anybody: a listener, or someone who put a function of his own in the place of `emit`. */
export function isHeard(emitter: EventEmitter, event: string): boolean {
  return emitter.listenerCount(event) > 0 || emitter.emit !== EventEmitter.prototype.emit;
}
