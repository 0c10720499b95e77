export { createTestChannel } from './create-test-channel.ts';
