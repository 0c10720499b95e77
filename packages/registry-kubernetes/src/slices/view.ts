import { type Endpoint, toEndpoint } from '@podwire/registry';
import type { PortChoice } from '../service-ref.ts';
import { type PortRule, portOf, ruleOf, whyNoPort } from './port.ts';
import { MAX_MEMBERS } from './read.ts';
import type { AddressType, Member, ServiceObject, Slice } from './service-object.ts';

/** The Pods of a service as one target sees them. */
export interface View {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly dropped: readonly string[];
  /** Why there are no Pods. */
  readonly empty: string | undefined;
}

interface Candidate {
  readonly endpoint: Endpoint;
  readonly addressType: AddressType;
  readonly uid: string | undefined;
}

/** The result of reading one object. */
interface Read {
  readonly candidates: readonly Candidate[];
  /** Slices whose Pods lack the port. */
  readonly unported: readonly Slice[];
}

/** How many slices a message names whose Pods lack the port; further ones are counted. */
const MAX_NAMED = 20;
/** How many characters of Pods' names a message holds. */
const MAX_NAMES = 300;

/** The union of a service's slices, for one port. Objects seen before are not read again. */
export class Viewer {
  readonly #port: PortChoice;
  readonly #addressTypes: readonly AddressType[];
  #known = new WeakMap<ServiceObject, Read>();
  #rule: PortRule = { by: 'none' };

  /** `addressTypes` in order of preference: a Pod that has several is used under the first. */
  constructor(port: PortChoice, addressTypes: readonly AddressType[]) {
    this.#port = port;
    this.#addressTypes = addressTypes;
  }

  view(objects: Iterable<ServiceObject>): View {
    const all = [...objects];
    const slices = all.flatMap((object) => object.slices);
    this.#useRule(ruleOf(slices, this.#port));
    const dropped = all.flatMap((object) => object.dropped);
    const endpoints = new Map<string, Endpoint>();
    const types = this.#addressTypes.filter((type) => slices.some(({ addressType }) => addressType === type));
    // Only with several types can a Pod have two addresses.
    const typeOf = types.length > 1 ? new Map<string, AddressType>() : undefined;
    let over = 0;
    for (const type of types) {
      for (const object of all) {
        for (const { endpoint, addressType, uid } of this.#read(object).candidates) {
          if (addressType !== type) continue;
          if (typeOf !== undefined && uid !== undefined) {
            if ((typeOf.get(uid) ?? type) !== type) continue;
            typeOf.set(uid, type);
          }
          const known = endpoints.get(endpoint.id);
          // An endpoint that moves from one slice to another is in both for a moment.
          if (known?.phase === 'serving') continue;
          if (known === undefined && endpoints.size >= MAX_MEMBERS) over += 1;
          else endpoints.set(endpoint.id, endpoint);
        }
      }
    }
    if (over > 0) dropped.push(`${over} endpoints are over the limit of ${MAX_MEMBERS}`);
    const empty = endpoints.size > 0 ? undefined : this.#whyEmpty(slices);
    // When no Pod has the port, the Service is empty, and `empty` says why.
    if (endpoints.size > 0 || dropped.length > 0) dropped.push(...this.#leftOut(all));
    return { endpoints, dropped, empty };
  }

  /** A new rule makes the Viewer read every object again. */
  #useRule(rule: PortRule): void {
    if (JSON.stringify(rule) === JSON.stringify(this.#rule)) return;
    this.#rule = rule;
    this.#known = new WeakMap();
  }

  #read(object: ServiceObject): Read {
    const known = this.#known.get(object);
    if (known !== undefined) return known;
    const slices = object.slices.filter(({ addressType }) => this.#addressTypes.includes(addressType));
    const unported = slices.filter(
      (slice) => slice.members.length > 0 && portOf(slice, this.#rule) === undefined,
    );
    const read = { candidates: slices.flatMap((slice) => this.#fromSlice(slice)), unported };
    this.#known.set(object, read);
    return read;
  }

  /** Messages about the Pods that lack the port. */
  #leftOut(objects: readonly ServiceObject[]): readonly string[] {
    const said: string[] = [];
    let more = 0;
    for (const object of objects) {
      for (const slice of this.#read(object).unported) {
        const { length } = slice.members;
        if (said.length >= MAX_NAMED) {
          more += length;
          continue;
        }
        const why = whyNoPort([slice], this.#port, this.#rule);
        said.push(`${object.path}: ${length} Pods are left out: ${why} (${namesOf(slice.members)})`);
      }
    }
    return more > 0 ? [...said, `${more} more Pods are left out for their port`] : said;
  }

  #fromSlice(slice: Slice): Candidate[] {
    const port = portOf(slice, this.#rule);
    if (port === undefined) return [];
    return slice.members.map((member) => ({
      endpoint: toEndpoint(input(member, port)),
      addressType: slice.addressType,
      uid: member.uid,
    }));
  }

  #whyEmpty(slices: readonly Slice[]): string {
    const withMembers = slices.filter(({ members }) => members.length > 0);
    const unported = withMembers.filter((slice) => portOf(slice, this.#rule) === undefined);
    if (unported.length > 0) return whyNoPort(unported, this.#port, this.#rule);
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

/** `orders-0 at 10.0.0.1, 10.0.0.2, and 3 more` */
function namesOf(members: readonly Member[]): string {
  const names: string[] = [];
  let characters = 0;
  for (const { host, attributes } of members) {
    const name = attributes.pod === undefined ? host : `${attributes.pod} at ${host}`;
    characters += name.length;
    if (characters > MAX_NAMES && names.length > 0) break;
    names.push(name.length > MAX_NAMES ? `${name.slice(0, MAX_NAMES)}...` : name);
  }
  const rest = members.length - names.length;
  return rest > 0 ? `${names.join(', ')}, and ${rest} more` : names.join(', ');
}
