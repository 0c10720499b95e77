/* global expect, jest, test */
const { callEcho, scenario } = require('../scenario.cjs');

const modules = {
  grpc: require('@grpc/grpc-js'),
  podwire: require('podwire'),
  registry: require('@podwire/registry'),
  provider: require('@podwire/provider'),
  nacos: require('@podwire/registry-nacos'),
};

test('serves, calls, reads YAML, meets wrong input', () => scenario(modules), 60_000);

test('an InvalidInput of another copy is one', () => {
  jest.resetModules();
  const again = require('podwire');
  expect(again.InvalidInput).not.toBe(modules.podwire.InvalidInput);
  expect(() => again.createChannel('static:///x:y')).toThrow(modules.podwire.InvalidInput);
  expect(new Error('x')).not.toBeInstanceOf(modules.podwire.InvalidInput);
});

test('calls end under fake timers, and after them', async () => {
  jest.useFakeTimers();
  await callEcho(modules, process.env.ECHO, 'http2');
  jest.useRealTimers();
  await callEcho(modules, process.env.ECHO, 'http2');
}, 60_000);
