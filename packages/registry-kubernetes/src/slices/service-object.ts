import type { Phase } from '@podwire/registry';

/** The API's address types (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#address-types). */
export const ADDRESS_TYPES = ['IPv4', 'IPv6', 'FQDN'] as const;
/** The `addressType` of an EndpointSlice that podwire can connect to. */
export type AddressType = (typeof ADDRESS_TYPES)[number];

/** A TCP port that the Pods of a slice share. */
export interface SlicePort {
  /** `''` for the only port of a Service that does not name it. */
  readonly name: string;
  /** Undefined: all ports, in the API's words. */
  readonly port: number | undefined;
  readonly appProtocol: string | undefined;
}

/** A Pod of a slice that takes calls or finishes those it has. */
export interface Member {
  readonly host: string;
  readonly phase: Phase;
  readonly zone: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /** The Pod's uid, which tells that its IPv4 and its IPv6 address are one Pod. */
  readonly uid: string | undefined;
}

/** Pods with one address type and one list of ports. */
export interface Slice {
  readonly addressType: AddressType;
  /** The ports that calls can go to. */
  readonly ports: readonly SlicePort[];
  /** Whether the slice defines ports at all, counting broken ones and those of other protocols. */
  readonly hasPorts: boolean;
  readonly members: readonly Member[];
  /** Members left out because they are not ready. */
  readonly notReady: number;
}

/** One object of the API (an EndpointSlice, or an Endpoints object with several subsets) without what balancing does not need. */
export interface ServiceObject {
  readonly name: string;
  /** As messages name it: `endpointslices/orders-abc`. */
  readonly path: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly slices: readonly Slice[];
  /** Messages about the parts that could not be used. */
  readonly dropped: readonly string[];
}
