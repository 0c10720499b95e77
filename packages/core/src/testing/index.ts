export { settle, VirtualClock } from './virtual-clock.ts';
