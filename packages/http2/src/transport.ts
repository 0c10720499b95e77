/// <reference types="node" preserve="true" />
/**
 * The interface between calls and connections. Two transports stand behind it: one on node:http2 and podwire's own;
 * the same call has the same result on both.
 */
import type { Socket } from 'node:net';
import type { PeerCertificate, SecureContext } from 'node:tls';
import type { ConnectionEnv } from './connection/env.ts';

/** Header names and values in turn: `[name, value, name, value, …]`; names lower case, `-bin` values in base64. */
export type RawHeaders = readonly string[];

/** The part of a head that all calls of one method share. It is made once, so that a transport may encode it once per connection. */
export interface MethodHead {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The header `:authority`. */
  readonly authority: string;
  /** Sent with every call of this method after the pseudo-headers: te, content-type, user-agent, grpc-accept-encoding. */
  readonly headers: RawHeaders;
}

/** How messages are compressed, by the names of `grpc-encoding`. */
export type Encoding = 'identity' | 'gzip' | 'deflate';

/** What starts one stream. */
export interface StreamHead {
  /** The part that calls of one method have in common. */
  readonly method: MethodHead;
  /** The call's own headers: metadata, grpc-timeout, grpc-encoding, grpc-previous-rpc-attempts. */
  readonly headers: RawHeaders;
  /** A received message larger than this, on the wire or inflated, ends the stream with kind `too-large`. Bytes; -1 is no limit. */
  readonly maxReceiveBytes: number;
}

/** Why a connection takes no more calls, or ended. These are facts; `closeText` makes texts of them. */
export type CloseCause =
  /** The peer sent GOAWAY. `debug` is its message for people, in printable ASCII and shortened; it may be empty. */
  | { readonly kind: 'goaway'; readonly errorCode: number; readonly debug: string }
  /** The peer did not answer in time: a step of connecting, or a PING. */
  | {
      readonly kind: 'timeout';
      readonly step: 'tcp' | 'tls' | 'settings' | 'keepalive';
      readonly afterMs: number;
    }
  /** The socket was never open: refused, unreachable, or an unknown name. `code` is Node's, for example `ECONNREFUSED`. */
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  /** The peer, or something on the way, broke the connection: `ECONNRESET`, `ECONNABORTED`, `EPIPE`. */
  | { readonly kind: 'reset'; readonly code: string; readonly detail: string }
  /** Any other error of an open socket, for example `ETIMEDOUT`. */
  | { readonly kind: 'socket'; readonly code: string; readonly detail: string }
  /** The peer closed the connection without an error. `before` is the kind of connection, if HTTP/2 had not begun yet. */
  | { readonly kind: 'eof'; readonly before: 'plaintext' | 'tls' | 'mutual-tls' | undefined }
  /** TLS failed: certificates, names, versions. `code` is Node's or OpenSSL's; `NO_ALPN` where the Pod took no HTTP/2. */
  | { readonly kind: 'tls'; readonly code: string; readonly detail: string }
  /** The peer broke HTTP/2. `errorCode` is that of our GOAWAY; undefined where node:http2 does not tell it. */
  | { readonly kind: 'protocol'; readonly errorCode: number | undefined; readonly detail: string }
  /** This side ended the connection: its owner did, or a resource such as stream ids ran out. */
  | { readonly kind: 'local'; readonly detail: string };

/** Why a stream ended with, or on, its connection: the peer may also have refused that stream alone (REFUSED_STREAM). */
export type EndCause = CloseCause | { readonly kind: 'stream-refused' };

/** How a stream ended; exactly one of these, once. */
export type StreamEnd =
  /** The peer closed it in order. `headers` are the trailers, or the only header block of a trailers-only reply. */
  | {
      readonly kind: 'trailers';
      readonly headers: RawHeaders;
      readonly httpStatus: number;
      readonly trailersOnly: boolean;
    }
  /** RST_STREAM from the peer with an HTTP/2 error code. */
  | { readonly kind: 'reset'; readonly errorCode: number }
  /** No server application can have seen it: REFUSED_STREAM, above the last id of a GOAWAY without an error, or never written. */
  | { readonly kind: 'unprocessed'; readonly cause: EndCause; readonly leftClient: boolean }
  /** The connection died, or a GOAWAY with an error said that the stream was not processed: it may have been processed all the same. */
  | { readonly kind: 'connection-lost'; readonly cause: CloseCause }
  /** The peer broke HTTP/2 or gRPC framing. */
  | { readonly kind: 'protocol-error'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly bytes: number; readonly limit: number }
  /** A header list was over `maxHeaderListBytes`. A last list that reports an error ends as `trailers` instead, with the headers that fit. */
  | { readonly kind: 'headers-too-large'; readonly bytes: number; readonly limit: number }
  /** Ended by {@link Stream.cancel}. */
  | { readonly kind: 'cancelled' };

/**
 * Receives the reply of a stream. Callbacks never run inside a call of the user into the stream, with one exception:
 * `request` may deliver messages that have arrived already.
 */
export interface StreamHandler {
  /** Initial headers, after 1xx; not called for a trailers-only reply. */
  onHeaders(headers: RawHeaders, httpStatus: number): void;
  /** One whole message, inflated. The receiver may keep it: hardly any other bytes share its memory. */
  onMessage(message: Buffer): void;
  /** Last callback. */
  onEnd(end: StreamEnd): void;
}

/** The other end of a connection. */
export interface Peer {
  /** `host:port` that was dialed. */
  readonly remoteAddress: string;
  /** The peer's TLS certificate, if it was verified against an authority; also undefined after the connection is gone. */
  readonly peerCertificate: PeerCertificate | undefined;
}

/** One gRPC call on one connection. */
export interface Stream {
  /** The other end of its connection. */
  readonly peer: Peer;
  /**
   * Bytes of the messages that were accepted for sending, including those that flow control holds back. They are counted after
   * compression, without gRPC's prefix of 5 bytes and without HTTP/2's frames (gRFC A66, "compressed message size").
   */
  readonly sentBytes: number;
  /** Bytes of the messages that were delivered, counted in the same way, before decompression. */
  readonly receivedBytes: number;
  /**
   * Sends one message, unframed. `compressed`: the bytes are already encoded as grpc-encoding says. `last` half-closes with it.
   * `done` runs once: when there is room for more (perhaps at once, inside this call), or when the stream ended.
   */
  sendMessage(message: Uint8Array, compressed: boolean, last: boolean, done: (() => void) | undefined): void;
  /** No message follows; the reply may still come. */
  halfClose(): void;
  /** Lets `n` more messages be delivered; a stream starts with none, and holds the peer back by flow control. */
  request(n: number): void;
  /** Resets the stream with this `ErrorCode` of HTTP/2; it ends with kind `cancelled`. */
  cancel(errorCode: number): void;
}

/**
 * `connecting` → `ready` → `draining` → `closed`. Draining opens no streams and lets those it has finish.
 * A connection is never reused after `closed`; its owner makes a new one.
 */
export type ConnectionState = 'connecting' | 'ready' | 'draining' | 'closed';

/** The owner of a connection, as the connection calls it. No method is called inside a call of the owner into the connection. */
export interface ConnectionListener {
  /** The peer's first SETTINGS are here: streams can be opened. */
  onReady(): void;
  /** GOAWAY received, or `drain` called: no new streams. */
  onDraining(cause: CloseCause): void;
  /** GOAWAY says that keepalive's PINGs come too often (gRFC A8); told before `onDraining`. */
  onTooManyPings?(): void;
  /** The connection is closed, after every stream has ended. Without a cause it was drained and closed in order. */
  onClosed(cause: CloseCause | undefined): void;
  /** Room came back or went away: `hasRoom` changed. */
  onRoom(): void;
  /** `isSuspect` changed: the peer owes replies and is silent for longer than is usual, or it was heard again. */
  onSuspect?(isSuspect: boolean): void;
  /** Whether a suspect peer that did not answer is to be given up now. Default: yes. If not, the owner is asked again later. */
  mayGiveUp?(): boolean;
}

/** One HTTP/2 connection to one Pod. It never keeps the process alive, open streams or not: a caller that waits for a reply does. */
export interface Connection extends Peer {
  /** Where in its life it is. */
  readonly state: ConnectionState;
  /** False while MAX_CONCURRENT_STREAMS is used up, or when not ready. */
  readonly hasRoom: boolean;
  /** Calls that have not ended: streams without those of {@link openBackground}. */
  readonly openStreams: number;
  /** The peer's MAX_CONCURRENT_STREAMS; Infinity when it set none. */
  readonly maxConcurrentStreams: number;
  /** `host:port` on this side; undefined while there is no socket. */
  readonly localAddress: string | undefined;
  /** When something was last received, on the connection's monotonic clock. */
  readonly lastReadMs: number;
  /** Whether the peer owes replies, is silent for longer than is usual, and was asked by a PING that it has not answered. */
  readonly isSuspect: boolean;
  /**
   * Sends a PING; `answered` is called when its answer is here. False, and nothing is sent, if the connection is not ready, or if
   * servers with default settings could take one more PING for abuse.
   */
  ping(answered: () => void): boolean;
  /** Opens a stream; undefined when it has no room (ask again after `onRoom`, or elsewhere). */
  open(head: StreamHead, handler: StreamHandler): Stream | undefined;
  /**
   * Opens a stream that is no call, to watch health or load. It takes one of the peer's MAX_CONCURRENT_STREAMS and counts for nothing else:
   * keepalive sends no PING for it, and GOAWAY and `drain` cancel it. Undefined where there is no room, or none would be left for a call.
   */
  openBackground(head: StreamHead, handler: StreamHandler): Stream | undefined;
  /** Opens no more streams, and closes when the last one ended. */
  drain(): void;
  /** Ends every stream with `connection-lost` and closes now; the cause is `local`, with this reason for people. */
  destroy(reason: string): void;
}

/** The options of a connection. */
export interface ConnectionOptions {
  /** An IP address, or a name to look up. */
  readonly host: string;
  /** 1–65535; not used where there is a `path`. */
  readonly port: number;
  /** The path of a Unix domain socket, in the place of host and port; an abstract one begins with a NUL. */
  readonly path?: string | undefined;
  /** Makes the socket, in the place of a connection to `host` or `path`. The socket must emit `connect` later. */
  readonly openSocket?: (() => Socket) | undefined;
  /** Undefined is plaintext. */
  readonly tls: TlsOptions | undefined;
  /** The time limit for TCP, TLS and the peer's first SETTINGS together. */
  readonly connectTimeoutMs: number;
  /** A PING is sent when nothing was received for this long while streams are open; 0 is off. */
  readonly keepaliveTimeMs: number;
  /** A PING not answered in this time closes the connection. */
  readonly keepaliveTimeoutMs: number;
  /** Also PING while no stream is open. */
  readonly keepaliveWithoutCalls: boolean;
  /**
   * Whether the user left `keepaliveTimeMs` at its default: then, after two PINGs without a reply to a call in between, no more are sent
   * than servers accept by default. Default false.
   */
  readonly keepaliveSparing?: boolean;
  /** When a peer that owes replies is suspect, and how long it has for the answer to a PING. Undefined is never. */
  readonly suspicion?: { readonly minMs: number; readonly timeoutMs: number } | undefined;
  /** Largest header list that a call takes from the peer, in bytes as RFC 9113 §6.5.2 counts. */
  readonly maxHeaderListBytes: number;
  /** Time, the event loop and sockets. Default: the system's. */
  readonly env?: ConnectionEnv | undefined;
}

/** Options of TLS, as node:tls takes them; ALPN is always h2. Connections made with the same object share the parsed certificates. */
export interface TlsOptions {
  /** PEM. Default: the authorities that Node trusts. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** PEM: a client certificate with its chain. */
  readonly cert?: string | Buffer;
  /** PEM: the certificate's private key. */
  readonly key?: string | Buffer;
  /** Name sent in SNI and checked against the certificate, both without a dot at its end. */
  readonly serverName: string;
  /** Default true. */
  readonly rejectUnauthorized?: boolean;
  /** Used instead of `ca`, `cert` and `key`. */
  readonly secureContext?: SecureContext;
  /** Used instead of Node's own check of `serverName` against the certificate; returns an error to refuse it. */
  readonly checkServerIdentity?: (serverName: string, certificate: PeerCertificate) => Error | undefined;
}

/** Makes connections; one per kind of transport. */
export interface Transport {
  /** The value of the option `transport`. */
  readonly name: string;
  /** Begins to connect; the listener is told the outcome. Throws for TLS options that Node refuses. */
  connect(options: ConnectionOptions, listener: ConnectionListener): Connection;
}
