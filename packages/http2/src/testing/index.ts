export { FakeCall } from './fake-call.ts';
export { FakePod, FakeTransport } from './fake-transport.ts';
