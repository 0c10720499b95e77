import { createSocket, type Socket } from 'node:dgram';
import { isIPv4, SocketAddress } from 'node:net';
import type { SrvRecord } from '../index.ts';

/** The records of a name; a name without an entry does not exist (NXDOMAIN). */
export interface DnsRecords {
  /** IPv4 and IPv6 addresses. */
  readonly addresses?: readonly string[];
  readonly srv?: readonly SrvRecord[];
  /** Record types for which the server misbehaves, while it answers for others. */
  readonly fails?: Partial<Record<keyof typeof TYPES, Misbehaviour>>;
}

export type Misbehaviour = 'SERVFAIL' | 'REFUSED' | 'silent';

/** Answers by name, or how the server misbehaves. `*.` and a domain stands for every other name below the domain. */
export type DnsZone = Record<string, DnsRecords | Misbehaviour>;

const TYPES = { a: 1, aaaa: 28, srv: 33 } as const;
const NXDOMAIN = 3;
const FAILURES = { SERVFAIL: 2, REFUSED: 5 } as const;
const TTL_S = 1;

/** A small DNS server on UDP (RFC 1035), on a port of its own on the loopback. */
export class DnsServer {
  zone: DnsZone;
  /** Questions so far, as `name type`. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket, zone: DnsZone) {
    this.#socket = socket;
    this.zone = zone;
    socket.on('message', (message, peer) => {
      const answer = this.#answer(message);
      if (answer !== undefined) socket.send(answer, peer.port, peer.address);
    });
  }

  static async listen(zone: DnsZone, port = 0): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    return new DnsServer(socket, zone);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(message: Buffer): Buffer | undefined {
    const { name, end } = readName(message, 12);
    const type = message.readUInt16BE(end);
    this.asked.push(`${name} ${type}`);
    const found = this.zone[name] ?? this.zone[wildcard(name)];
    const failure = typeof found === 'object' ? found.fails?.[TYPE_NAMES.get(type)!] : found;
    if (failure === 'silent') return undefined;
    const records = typeof found === 'object' && failure === undefined ? recordsOf(found, type) : [];
    const rcode = failure !== undefined ? FAILURES[failure] : found === undefined ? NXDOMAIN : 0;
    const header = Buffer.alloc(12);
    header.writeUInt16BE(message.readUInt16BE(0), 0);
    header.writeUInt16BE(0x8580 | rcode, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([
      header,
      message.subarray(12, end + 4),
      ...records.map((data) => record(type, data)),
    ]);
  }
}

const TYPE_NAMES = new Map(
  Object.entries(TYPES).map(([name, type]) => [type as number, name as keyof typeof TYPES]),
);

/** The name that stands for all others of its last two labels. */
const wildcard = (name: string) => `*.${name.split('.').slice(-2).join('.')}`;

function recordsOf({ addresses = [], srv = [] }: DnsRecords, type: number): Buffer[] {
  if (type === TYPES.a) return addresses.filter(isIPv4).map((ip) => Buffer.from(ip.split('.').map(Number)));
  if (type === TYPES.aaaa) return addresses.filter((ip) => !isIPv4(ip)).map(ipv6Bytes);
  if (type !== TYPES.srv) return [];
  return srv.map(({ priority, weight, port, name }) => {
    const head = Buffer.alloc(6);
    [priority, weight, port].forEach((value, i) => {
      head.writeUInt16BE(value, 2 * i);
    });
    return Buffer.concat([head, ...name.split('.').map(label), Buffer.from([0])]);
  });
}

/** A record of the name that was asked for (the pointer to byte 12). */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, TTL_S, data.length >> 8, data.length & 255]);
  return Buffer.concat([head, data]);
}

const label = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

function ipv6Bytes(ip: string): Buffer {
  const { address } = new SocketAddress({ address: ip, family: 'ipv6' });
  const [left = '', right] = address.split('::');
  const groups = (text: string | undefined) =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const [head, tail] = [groups(left), groups(right)];
  const all = [...head, ...new Array(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

function readName(message: Buffer, offset: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = offset;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}
