// What hostile peers do once a client has begun its first call, stream 1.
import { gzipSync } from 'node:zlib';
import { frame, literal, message, OK_BLOCK, okHeaders, settings, TYPE, uint32 } from './frames.mjs';

const EMPTY = Buffer.alloc(0);
const times = (count, bytes) => Buffer.concat(new Array(count).fill(bytes));
const data = (payload, flags = 0, id = 1) => frame(TYPE.DATA, flags, id, payload);
const ping = frame(TYPE.PING, 0, 0, Buffer.alloc(8));

const bomb = message(gzipSync(Buffer.alloc(64 << 20)), 1);

/** Each gets `{ write, flood, onHeaders }`: to write once, without end, and for every call that begins. */
export const attacks = {
  'empty CONTINUATION flood': ({ write, flood }) => {
    write(frame(TYPE.HEADERS, 0, 1, OK_BLOCK));
    flood(times(1000, frame(TYPE.CONTINUATION, 0, 1)));
  },
  'header list without end': ({ write, flood }) => {
    write(frame(TYPE.HEADERS, 0, 1, OK_BLOCK));
    flood(frame(TYPE.CONTINUATION, 0, 1, times(160, literal('x'.repeat(40), 'y'.repeat(50)))));
  },
  'SETTINGS flood': ({ flood }) => flood(times(1000, settings())),
  'SETTINGS of a thousand entries': ({ write }) => write(settings(...new Array(1000).fill([3, 100]))),
  'SETTINGS acknowledgement flood': ({ flood }) => flood(times(1000, frame(TYPE.SETTINGS, 1, 0))),
  'PING flood': ({ flood }) => flood(times(1000, ping)),
  'PING flood from a peer that does not read': ({ flood, pause }) => {
    pause();
    flood(times(1000, ping));
  },
  'RST_STREAM flood': ({ flood }) => flood(times(1000, frame(TYPE.RST, 0, 1, uint32(8)))),
  'PRIORITY flood': ({ flood }) => flood(times(1000, frame(TYPE.PRIORITY, 0, 3, Buffer.alloc(5)))),
  'flood of unknown frames': ({ flood }) => flood(times(1000, frame(0xfa, 0, 0, Buffer.alloc(8)))),
  'flood of 1xx responses': ({ flood }) =>
    flood(times(1000, frame(TYPE.HEADERS, 4, 1, literal(':status', '103')))),
  'empty DATA flood': ({ write, flood }) => {
    write(okHeaders(1));
    flood(times(1000, data(EMPTY)));
  },
  'one-byte DATA flood': ({ write, flood }) => {
    write(Buffer.concat([okHeaders(1), data(message(Buffer.alloc(1 << 20)).subarray(0, 5))]));
    flood(times(1000, data(Buffer.alloc(1))));
  },
  'one-byte DATA flood in an answer that is no gRPC': ({ write, flood }) => {
    write(frame(TYPE.HEADERS, 4, 1, literal(':status', '404')));
    flood(times(1000, data(Buffer.alloc(1))));
  },
  'WINDOW_UPDATE flood': ({ flood }) => flood(times(1000, frame(TYPE.WINDOW, 0, 0, uint32(1)))),
  'WINDOW_UPDATE flood on a call': ({ flood }) => flood(times(1000, frame(TYPE.WINDOW, 0, 1, uint32(1)))),
  'HPACK bomb': ({ write, flood }) => {
    // One entry of almost the whole table, and then 16 384 bytes that each stand for it.
    write(frame(TYPE.HEADERS, 4, 1, Buffer.concat([OK_BLOCK, literal('x', 'y'.repeat(4000), 0x40)])));
    flood(frame(TYPE.HEADERS, 4, 1, Buffer.alloc(16_384, 0xbe)));
  },
  'HPACK table turned over without end': ({ flood }) => {
    const block = Buffer.concat([literal(':status', '103'), literal('x', 'y'.repeat(4000), 0x40)]);
    flood(frame(TYPE.HEADERS, 4, 1, block));
  },
  'HPACK index beyond the table': ({ write }) =>
    write(frame(TYPE.HEADERS, 4, 1, Buffer.from([0x88, 0xff, 0x20]))),
  'HPACK table above the limit': ({ write }) =>
    write(frame(TYPE.HEADERS, 4, 1, Buffer.from([0x3f, 0xe1, 0x7f, 0x88]))),
  'HPACK integer without end': ({ write }) => write(frame(TYPE.HEADERS, 4, 1, Buffer.alloc(200, 0xff))),
  'connection window overflow': ({ write }) => write(frame(TYPE.WINDOW, 0, 0, uint32(0x7fffffff))),
  'stream window overflow': ({ write, onHeaders }) =>
    onHeaders((id) => write(frame(TYPE.WINDOW, 0, id, uint32(0x7fffffff)))),
  'stream windows overflow by SETTINGS': ({ write }) => {
    write(frame(TYPE.WINDOW, 0, 1, uint32(0x7fff0000)));
    write(settings([4, 0x7fffffff]));
  },
  'more DATA than the window': ({ write, flood }) => {
    write(Buffer.concat([okHeaders(1), data(message(Buffer.alloc(0)))]));
    flood(data(Buffer.alloc(16_384)));
  },
  'DATA on an idle stream': ({ write }) => write(data(EMPTY, 0, 99)),
  'WINDOW_UPDATE on an idle stream': ({ write }) => write(frame(TYPE.WINDOW, 0, 99, uint32(1))),
  'RST_STREAM on an idle stream': ({ write }) => write(frame(TYPE.RST, 0, 99, uint32(8))),
  'CONTINUATION of nothing': ({ write }) => write(frame(TYPE.CONTINUATION, 4, 1, OK_BLOCK)),
  'HEADERS on an idle stream': ({ write }) => write(okHeaders(99)),
  'DATA on a closed stream': ({ write, onHeaders }) => {
    onHeaders((id) =>
      write(Buffer.concat([frame(TYPE.HEADERS, 5, id, OK_BLOCK), data(Buffer.alloc(10), 0, id)])),
    );
  },
  'HEADERS on a closed stream': ({ write, onHeaders }) => {
    onHeaders((id) => write(Buffer.concat([frame(TYPE.HEADERS, 5, id, OK_BLOCK), okHeaders(id)])));
  },
  'a frame of 16 MiB': ({ write }) => write(frame(TYPE.DATA, 0, 1, EMPTY, 0xffffff)),
  'a push': ({ write }) => write(frame(TYPE.PUSH, 4, 1, Buffer.concat([uint32(2), OK_BLOCK]))),
  'a length prefix of 4 GiB': ({ write, onHeaders }) =>
    onHeaders((id) => {
      write(Buffer.concat([okHeaders(id), data(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), 0, id)]));
    }),
  'a gzip bomb': ({ write, onHeaders }) =>
    onHeaders((id) => {
      write(frame(TYPE.HEADERS, 4, id, Buffer.concat([OK_BLOCK, literal('grpc-encoding', 'gzip')])));
      for (let at = 0; at < bomb.length; at += 16_384) write(data(bomb.subarray(at, at + 16_384), 0, id));
    }),
  'a storm of refusals': ({ write, onHeaders }) => {
    onHeaders((id) => write(frame(TYPE.RST, 0, id, uint32(7))));
  },
  'a storm of GOAWAY': ({ flood }) => flood(times(1000, frame(TYPE.GOAWAY, 0, 0, uint32(0x7fffffff, 0)))),
  'GOAWAY with a growing last stream': ({ write }) => {
    write(frame(TYPE.GOAWAY, 0, 0, uint32(1, 0)));
    write(frame(TYPE.GOAWAY, 0, 0, uint32(3, 0)));
  },
  'a peer that stops reading': ({ write, pause }) => {
    write(settings([4, 0x7fffffff]));
    write(frame(TYPE.WINDOW, 0, 0, uint32(0x7ffe0000)));
    pause();
  },
  'windows of 0 bytes for ever': ({ write }) => write(settings([4, 0])),
};
