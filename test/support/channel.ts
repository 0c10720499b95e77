import * as podwire from 'podwire';
import { onTestFinished } from 'vitest';

/** The transport that this run tests: `PODWIRE_TEST_TRANSPORT`, else the default one. */
const transport = process.env.PODWIRE_TEST_TRANSPORT as podwire.ChannelOptions['transport'];

/** A channel over the transport that this run tests. */
export const createChannel: typeof podwire.createChannel = (target, options = {}) =>
  podwire.createChannel(target, transport === undefined ? options : { transport, ...options });

/** The same, closed after the test. */
export const openChannel: typeof podwire.createChannel = (target, options) => {
  const channel = createChannel(target, options);
  onTestFinished(() => channel.close({ graceMs: 0 }));
  return channel;
};
