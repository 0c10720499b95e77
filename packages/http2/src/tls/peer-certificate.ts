import type { Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';

/** The certificate that the peer showed, where it is one that was verified: what grpc-js tells of a peer. */
export function peerCertificate(socket: Socket): PeerCertificate | undefined {
  if ((socket as Partial<TLSSocket>).authorized !== true) return undefined;
  const certificate: PeerCertificate | null = (socket as TLSSocket).getPeerCertificate();
  return certificate === null || certificate.subject === undefined ? undefined : certificate;
}
