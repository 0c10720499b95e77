import type { Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';

/** The peer's certificate, if it was verified; grpc-js tells its users the same. */
export function peerCertificate(socket: Socket): PeerCertificate | undefined {
  if ((socket as Partial<TLSSocket>).authorized !== true) return undefined;
  const certificate: PeerCertificate | null = (socket as TLSSocket).getPeerCertificate();
  return certificate === null || certificate.subject === undefined ? undefined : certificate;
}
