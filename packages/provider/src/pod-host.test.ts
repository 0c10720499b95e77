import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { podHost } from './pod-host.ts';

function info(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { address, netmask: '', mac: '', internal, cidr: null };
  return address.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' };
}

const lo = [info('127.0.0.1', true), info('::1', true)];

test('takes the IP that the downward API set', () => {
  expect(podHost({ POD_IP: '10.1.2.3' }, { eth0: [info('10.9.9.9')] })).toBe('10.1.2.3');
  expect(() => podHost({ POD_IP: 'pod-7' }, {})).toThrow('POD_IP: "pod-7" must be an IP address');
});

test('takes the only address that others reach, IPv4 before IPv6', () => {
  expect(podHost({}, { lo, eth0: [info('fe80::1'), info('fd00::7'), info('10.0.0.7')] })).toBe('10.0.0.7');
  expect(podHost({ POD_IP: '' }, { lo, eth0: [info('169.254.1.1'), info('fd00::7')] })).toBe('fd00::7');
});

test('does not guess', () => {
  expect(() => podHost({}, { lo, eth0: [info('10.0.0.7')], docker0: [info('172.17.0.1')] })).toThrow(
    'several addresses (10.0.0.7, 172.17.0.1)',
  );
  expect(() => podHost({}, { lo })).toThrow('no network interface has an address');
});
