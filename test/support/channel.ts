import * as podwire from 'podwire';

/** The transport that this run tests: `PODWIRE_TEST_TRANSPORT`, else the default one. */
const transport = process.env.PODWIRE_TEST_TRANSPORT as podwire.ChannelOptions['transport'];

/** A channel over the transport that this run tests. */
export const createChannel: typeof podwire.createChannel = (target, options = {}) =>
  podwire.createChannel(target, transport === undefined ? options : { transport, ...options });
