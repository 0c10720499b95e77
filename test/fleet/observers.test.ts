import { status as Status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import type { Observer } from '../../packages/client/src/observe/observer.ts';
import { fleet } from './fleet.ts';

const [A, B] = ['10.0.0.1:1', '10.0.0.2:1'];

/** Writes down what it is told, as gRFC A66 counts it. */
function recorder() {
  const seen: string[] = [];
  const observer: Observer = {
    onCall({ method, service }) {
      seen.push(`call ${method} of ${service}`);
      return {
        onAttempt({ ordinal, isHedge, beganMs }) {
          seen.push(`attempt ${ordinal}${isHedge ? ' hedge' : ''}`);
          return {
            onStart: ({ pod }) => void seen.push(`sent to ${pod.id}`),
            onEnd(code, endedMs, sent) {
              const bytes =
                sent === undefined ? 'unsent' : `${sent.sentBytes} and ${sent.receivedBytes} bytes`;
              seen.push(`ended ${Status[code]} by ${sent?.origin}, ${bytes}, ${endedMs - beganMs} ms`);
            },
          };
        },
        onEnd: (code) => void seen.push(`call ended ${Status[code]}`),
      };
    },
  };
  return { seen, observer };
}

const RETRY = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 2,
        initialBackoff: '0.01s',
        maxBackoff: '0.01s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
};

test('observers see each call and each of its attempts, with code, origin, bytes and time', async () => {
  const [one, two] = [recorder(), recorder()];
  const parts = { observers: [one.observer, two.observer] };
  const options = { policy: { pick_first: { shuffleAddressList: false } }, serviceConfig: RETRY };
  const { clock, pod, start, close } = await fleet([A!, B!], parts, options);
  pod(A!).latencyMs = 5;
  pod(A!).fail(Status.UNAVAILABLE);
  start();
  await clock.advance(12);
  pod(A!).answer(Buffer.from('reply'));
  await clock.advance(100);
  expect(one.seen).toEqual([
    'call /shop.Orders/Get of orders',
    'attempt 0',
    `sent to ${A}`,
    'ended UNAVAILABLE by server, 7 and 0 bytes, 10 ms',
    'attempt 1',
    `sent to ${A}`,
    'ended OK by server, 7 and 5 bytes, 10 ms',
    'call ended OK',
  ]);
  expect(two.seen).toEqual(one.seen);
  expect(await close()).toBe(0);
});

test('an attempt begins before its Pod is picked, and ends with its call where none is', async () => {
  const { seen, observer } = recorder();
  const { clock, pod, start, close } = await fleet([A!], { observers: [observer] });
  pod(A!).hang();
  pod(A!).close();
  await clock.advance(10);
  const call = start({}, 400);
  await clock.advance(1_000);
  expect(call.status).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect(seen[1]).toBe('attempt 0');
  expect(seen[2]).toMatch(/^ended DEADLINE_EXCEEDED by undefined, unsent, 40[0-9] ms$/);
  expect(seen[3]).toBe('call ended DEADLINE_EXCEEDED');
  expect(await close()).toBe(0);
});

test('a hedge is an attempt, and the loser ends as cancelled by the client', async () => {
  const { seen, observer } = recorder();
  const hedging = { maxAttempts: 2, hedgingDelay: '0.02s', nonFatalStatusCodes: [] };
  const serviceConfig = { methodConfig: [{ name: [{}], hedgingPolicy: hedging }] };
  const { clock, pod, start, close } = await fleet([A!, B!], { observers: [observer] }, { serviceConfig });
  for (const address of [A!, B!]) pod(address).latencyMs = 30;
  start();
  await clock.advance(200);
  expect(seen.filter((text) => !text.startsWith('sent'))).toEqual([
    'call /shop.Orders/Get of orders',
    'attempt 0',
    'attempt 1 hedge',
    'ended CANCELLED by client, 7 and 0 bytes, 40 ms',
    'ended OK by server, 7 and 10 bytes, 60 ms',
    'call ended OK',
  ]);
  expect(await close()).toBe(0);
});
