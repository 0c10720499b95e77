export { closeText } from './connection/close-cause.ts';
export { addressOf } from './connection/dial.ts';
export { type ConnectionEnv, systemConnectionEnv } from './connection/env.ts';
export { ErrorCode, errorName } from './error-codes.ts';
export { ACCEPT_ENCODING, compress, compressesLater } from './grpc/compression.ts';
export { header } from './grpc/header.ts';
export { USER_AGENT } from './grpc/user-agent.ts';
export { ZlibJob } from './grpc/zlib-job.ts';
export {
  GrpcPeer,
  GrpcPeerError,
  type GrpcPeerOptions,
  type PeerStream,
  type PeerStreamListener,
} from './grpc-peer.ts';
export { nodeHttp2Transport } from './node/transport.ts';
export { ownHttp2Transport } from './own/transport.ts';
export { type TlsFiles, tlsFromFiles } from './tls/from-files.ts';
export { tlsServerName } from './tls/server-name.ts';
export type {
  CloseCause,
  Connection,
  ConnectionListener,
  ConnectionOptions,
  ConnectionState,
  Encoding,
  EndCause,
  MethodHead,
  Peer,
  RawHeaders,
  Stream,
  StreamEnd,
  StreamHandler,
  StreamHead,
  TlsOptions,
  Transport,
} from './transport.ts';
