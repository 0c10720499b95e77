import { credentials, Metadata } from '@grpc/grpc-js';
import { VirtualClock } from '@podwire/registry/testing';
import { nacos } from '@podwire/registry-nacos';
import { type ChannelOptions, createChannel, InvalidInput } from 'podwire';

// biome-ignore lint/suspicious/noExplicitAny: Jest's own types are in another folder.
declare const expect: any, test: any;

test('types and values are those of the packages', async () => {
  const registries = [nacos({ servers: ['127.0.0.1:1'] })];
  const options: ChannelOptions = { policy: 'round_robin', registries };
  await createChannel('static:///127.0.0.1:1', options).close({ graceMs: 0 });
  expect(() => createChannel('')).toThrow(InvalidInput);
  expect([new VirtualClock().nowMs(), new Metadata(), credentials]).toBeDefined();
});
