import { InvalidInput } from '@podwire/core';
import { describe, expect, it } from 'vitest';
import { kubernetes } from './kubernetes.ts';
import { parseServiceRef } from './service-ref.ts';

describe('a target', () => {
  it.each([
    ['orders', { name: 'orders', namespace: undefined, port: { by: 'only' } }],
    ['orders.prod', { name: 'orders', namespace: 'prod', port: { by: 'only' } }],
    ['orders.prod:grpc', { name: 'orders', namespace: 'prod', port: { by: 'name', name: 'grpc' } }],
    ['orders:50051', { name: 'orders', namespace: undefined, port: { by: 'number', port: 50051 } }],
    ['orders.prod.svc:grpc', { name: 'orders', namespace: 'prod', port: { by: 'name', name: 'grpc' } }],
    ['orders.prod.svc.cluster.local', { name: 'orders', namespace: 'prod', port: { by: 'only' } }],
  ])('%s is read', (text, ref) => {
    expect(parseServiceRef(text)).toEqual(ref);
  });

  it.each([
    ['', 'three slashes'],
    ['orders.prod.pod', "'.pod' is neither"],
    ['Orders.prod', "'Orders' is no Kubernetes name"],
    ['orders.prod:', 'the port must be a name or a number'],
    ['orders.prod:0', 'between 1 and 65535'],
    ['orders.prod:70000', 'between 1 and 65535'],
    ['orders.prod:a:b', 'the port must be a name or a number'],
    ['../secrets', 'is neither'],
    ['orders/../../pods', 'is neither'],
    ['orders.prod?limit=0', 'takes no options'],
    ['orders%2fa', 'is no Kubernetes name'],
  ])('%j is refused and told how it is written', (text, why) => {
    expect(() => parseServiceRef(text)).toThrow(InvalidInput);
    expect(() => parseServiceRef(text)).toThrow(why);
    expect(() => kubernetes().check?.(text)).toThrow(why);
  });
});
