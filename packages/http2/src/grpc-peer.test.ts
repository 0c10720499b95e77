import { once } from 'node:events';
import { createServer as createHttp } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { systemClock } from '@podwire/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GrpcPeer, GrpcPeerError } from './grpc-peer.ts';
import { nodeHttp2Transport } from './node/transport.ts';
import { ownHttp2Transport } from './own/transport.ts';
import type { CloseCause } from './transport.ts';

const same = (bytes: Buffer) => bytes;
const method = (path: string, streams: boolean) => ({
  ...{
    path,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
  },
  ...{ responseSerialize: same, responseDeserialize: same },
});

describe.each([ownHttp2Transport, nodeHttp2Transport])('over $name', (transport) => {
  let server: grpc.Server;
  let port: number;
  const peers: GrpcPeer[] = [];
  const closers: (() => void)[] = [];
  beforeEach(async () => {
    server = new grpc.Server();
    server.addService(
      {
        ok: method('/t/Ok', false),
        no: method('/t/No', false),
        hang: method('/t/Hang', false),
        echo: method('/t/Echo', true),
      },
      {
        ok: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) =>
          reply(null, call.request),
        no: (_call: unknown, reply: grpc.sendUnaryData<Buffer>) => reply({ code: 5, details: 'none' }),
        hang: () => {},
        echo: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
          call.on('data', (message) => call.write(message)).on('error', () => {});
        },
      },
    );
    port = await new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
  });
  afterEach(() => {
    for (const peer of peers.splice(0)) peer.destroy('the test is over');
    for (const close of closers.splice(0)) close();
    server.forceShutdown();
  });

  const closed = vi.fn<(cause: CloseCause) => void>();
  const open = (to = port) => {
    closed.mockClear();
    const peer = new GrpcPeer(
      transport,
      {
        ...{
          host: '127.0.0.1',
          port: to,
          tls: undefined,
          connectTimeoutMs: 2_000,
          maxHeaderListBytes: 16_384,
        },
        ...{ keepaliveTimeMs: 0, keepaliveTimeoutMs: 0, keepaliveWithoutCalls: false },
      },
      {
        clock: systemClock,
        maxReceiveBytes: 1_000,
        notGrpcHint: 'which port is it?',
        onDraining() {},
        onClosed: closed,
      },
    );
    peers.push(peer);
    return peer;
  };
  const listen = async (made: Server) => {
    await once(made.listen(0, '127.0.0.1'), 'listening');
    closers.push(() => made.close());
    return (made.address() as AddressInfo).port;
  };

  test('a request is answered, before or after the connection is said to be ready', async () => {
    const peer = open();
    await peer.ready();
    await peer.ready();
    expect(await peer.unary('/t/Ok', Buffer.from('hello'), 1_000)).toEqual(Buffer.from('hello'));
    expect(closed).not.toHaveBeenCalled();
  });

  test('a status that is not OK, and a message over the limit, are told', async () => {
    const peer = open();
    await peer.ready();
    await expect(peer.unary('/t/No', Buffer.alloc(1), 1_000)).rejects.toThrow(
      new GrpcPeerError('gRPC status 5'),
    );
    await expect(peer.unary('/t/Ok', Buffer.alloc(1_001), 1_000)).rejects.toThrow(
      'a message of 1001 bytes exceeds the limit of 1000',
    );
    expect(await peer.unary('/t/Ok', Buffer.from('still'), 1_000)).toEqual(Buffer.from('still'));
  });

  test('an answer that does not come is waited for until its time is up, and no longer', async () => {
    const peer = open();
    await peer.ready();
    await expect(peer.unary('/t/Hang', Buffer.alloc(1), 50)).rejects.toThrow('no answer in 50 ms');
  });

  test('a stream takes messages both ways until it is cancelled', async () => {
    const peer = open();
    await peer.ready();
    const heard: string[] = [];
    const ended = vi.fn<(reason: string) => void>();
    const stream = peer.openStream(
      '/t/Echo',
      { onMessage: (bytes) => heard.push(String(bytes)), onEnd: ended },
      2,
    );
    for (const text of ['a', 'b', 'c', 'd', 'e']) stream.send(Buffer.from(text));
    await expect.poll(() => heard).toEqual(['a', 'b', 'c', 'd', 'e']);
    stream.cancel();
    await expect.poll(() => ended.mock.calls).toEqual([['it was cancelled']]);
  });

  test('a server that speaks HTTP/2 and not gRPC is told by its status, with the hint', async () => {
    const http = createHttp((_request, response) => response.writeHead(404).end());
    await once(http.listen(0, '127.0.0.1'), 'listening');
    closers.push(() => http.close());
    const peer = open((http.address() as AddressInfo).port);
    await peer.ready();
    await expect(peer.unary('/t/Ok', Buffer.alloc(1), 1_000)).rejects.toThrow(
      'HTTP status 404 without a gRPC status: which port is it?',
    );
  });

  test('a connection that breaks ends what is under way, and is told once', async () => {
    const sockets: Socket[] = [];
    const relay = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
    });
    const peer = open(await listen(relay));
    const ready = peer.ready();
    await expect.poll(() => sockets.length).toBe(1);
    sockets[0]!.destroy();
    await expect(ready).rejects.toThrow(GrpcPeerError);
    await expect(peer.ready()).rejects.toThrow(peer.address);
    await expect(peer.unary('/t/Ok', Buffer.alloc(1), 1_000)).rejects.toThrow(GrpcPeerError);
    expect(() => peer.openStream('/t/Echo', { onMessage() {}, onEnd() {} }, 1)).toThrow(GrpcPeerError);
    peer.destroy('again');
    expect(closed).toHaveBeenCalledTimes(1);
  });
});
