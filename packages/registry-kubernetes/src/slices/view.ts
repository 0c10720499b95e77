import { type Endpoint, toEndpoint } from '@podwire/registry';
import type { PortChoice } from '../service-ref.ts';
import { portOf, whyNoPort } from './port.ts';
import { MAX_MEMBERS } from './read.ts';
import type { AddressType, Member, ServiceObject, Slice } from './service-object.ts';

/** The Pods of a service as one target sees them. */
export interface View {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly dropped: readonly string[];
  /** Why there are none. */
  readonly empty: string | undefined;
}

interface Candidate {
  readonly endpoint: Endpoint;
  readonly addressType: AddressType;
  readonly uid: string | undefined;
}

/** The union of a service's slices, for one port. Objects seen before are not read again. */
export class Viewer {
  readonly #port: PortChoice;
  readonly #addressTypes: readonly AddressType[];
  readonly #known = new WeakMap<ServiceObject, readonly Candidate[]>();

  /** `addressTypes` in order of preference: a Pod that has several is used under the first. */
  constructor(port: PortChoice, addressTypes: readonly AddressType[]) {
    this.#port = port;
    this.#addressTypes = addressTypes;
  }

  view(objects: Iterable<ServiceObject>): View {
    const all = [...objects];
    const dropped = all.flatMap((object) => object.dropped);
    const endpoints = new Map<string, Endpoint>();
    const types = this.#addressTypes.filter((type) =>
      all.some(({ slices }) => slices.some(({ addressType }) => addressType === type)),
    );
    // Only where there are several can a Pod have two addresses.
    const typeOf = types.length > 1 ? new Map<string, AddressType>() : undefined;
    let over = 0;
    for (const type of types) {
      for (const object of all) {
        for (const { endpoint, addressType, uid } of this.#candidates(object)) {
          if (addressType !== type) continue;
          if (typeOf !== undefined && uid !== undefined) {
            if ((typeOf.get(uid) ?? type) !== type) continue;
            typeOf.set(uid, type);
          }
          const known = endpoints.get(endpoint.id);
          // An endpoint on its way from one slice to another is in both for a moment.
          if (known?.phase === 'serving') continue;
          if (known === undefined && endpoints.size >= MAX_MEMBERS) over += 1;
          else endpoints.set(endpoint.id, endpoint);
        }
      }
    }
    if (over > 0) dropped.push(`${over} endpoints are over the limit of ${MAX_MEMBERS}`);
    return { endpoints, dropped, empty: endpoints.size > 0 ? undefined : this.#whyEmpty(all) };
  }

  #candidates(object: ServiceObject): readonly Candidate[] {
    const known = this.#known.get(object);
    if (known !== undefined) return known;
    const candidates = object.slices.flatMap((slice) => this.#fromSlice(slice));
    this.#known.set(object, candidates);
    return candidates;
  }

  #fromSlice(slice: Slice): Candidate[] {
    const port = portOf(slice, this.#port);
    if (port === undefined || !this.#addressTypes.includes(slice.addressType)) return [];
    return slice.members.map((member) => ({
      endpoint: toEndpoint(input(member, port)),
      addressType: slice.addressType,
      uid: member.uid,
    }));
  }

  #whyEmpty(objects: readonly ServiceObject[]): string {
    const slices = objects.flatMap((object) => object.slices);
    const withMembers = slices.filter(({ members }) => members.length > 0);
    const unported = withMembers.find((slice) => portOf(slice, this.#port) === undefined);
    if (unported !== undefined) return whyNoPort(unported, this.#port);
    if (withMembers.length > 0) {
      const types = [...new Set(withMembers.map(({ addressType }) => addressType))].join(', ');
      return `its Pods have only ${types} addresses, which options.addressTypes leaves out`;
    }
    const notReady = slices.reduce((sum, slice) => sum + slice.notReady, 0);
    return notReady > 0 ? `none of its ${notReady} Pods is ready` : 'it has no Pods';
  }
}

function input({ host, phase, zone, attributes }: Member, port: number) {
  return { host, port, phase, attributes, ...(zone !== undefined && { zone }) };
}
