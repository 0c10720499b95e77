import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type MethodDefinition,
  type Server,
  type ServerWritableStream,
  status as Status,
} from '@grpc/grpc-js';
import {
  decodeRequest,
  encodeStatus,
  encodeStatuses,
  type HealthRequest,
  type HealthStatus,
} from './health-wire.ts';

/** The most services that `List` may name: https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto */
const MAX_LISTED = 100;

type Statuses = ReadonlyMap<string, HealthStatus>;
type Watcher = ServerWritableStream<HealthRequest, HealthStatus>;

/**
 * gRPC's health service, `grpc.health.v1.Health`. The package grpc-health-check is not used: when it is loaded it reads a .proto from its
 * own folder, which a provider in one bundled file does not have, and it brings 8 MB for messages of one field.
 */
export class Health {
  readonly #statuses = new Map<string, HealthStatus>();
  readonly #watchers = new Map<string, Set<Watcher>>();
  #isOver = false;

  /** Sets a service's status; if it changed, tells the watches. */
  set(service: string, status: HealthStatus): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    for (const watcher of this.#watchers.get(service) ?? []) watcher.write(status);
  }

  addTo(server: Pick<Server, 'addService'>): void {
    const check: handleUnaryCall<HealthRequest, HealthStatus> = ({ request: { service } }, callback) => {
      const status = this.#statuses.get(service);
      if (status !== undefined) callback(null, status);
      else callback({ code: Status.NOT_FOUND, details: `Health status unknown for service ${service}` });
    };
    const watch: handleServerStreamingCall<HealthRequest, HealthStatus> = (call) => this.#watch(call);
    const list: handleUnaryCall<HealthRequest, Statuses> = (_call, callback) => {
      if (this.#statuses.size <= MAX_LISTED) callback(null, this.#statuses);
      else callback({ code: Status.RESOURCE_EXHAUSTED, details: 'Too many services to list.' });
    };
    server.addService(
      {
        check: method('Check', encodeStatus),
        watch: { ...method('Watch', encodeStatus), responseStream: true },
        list: method('List', encodeStatuses),
      },
      { check, watch, list },
    );
  }

  /** Ends the watches, which would be calls that a stopping server waits for. Their clients begin again elsewhere. */
  endWatches(): void {
    this.#isOver = true;
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) end(watcher);
    this.#watchers.clear();
  }

  #watch(call: Watcher): void {
    const { service } = call.request;
    call.write(this.#statuses.get(service) ?? 'SERVICE_UNKNOWN');
    // The watch may have been starting while the others were ended.
    if (this.#isOver) return end(call);
    const watchers = this.#watchers.get(service) ?? new Set();
    this.#watchers.set(service, watchers.add(call));
    call.on('cancelled', () => {
      watchers.delete(call);
      if (watchers.size === 0 && this.#watchers.get(service) === watchers) this.#watchers.delete(service);
    });
  }
}

function end(watcher: Watcher): void {
  watcher.emit('error', { code: Status.UNAVAILABLE, details: 'The server is shutting down.' });
}

/** The definition of a method for a server, which only reads requests and only writes replies. */
function method<Reply>(
  name: string,
  serialize: (reply: Reply) => Buffer,
): MethodDefinition<HealthRequest, Reply> {
  const isClients = () => {
    throw new Error('this definition is for servers');
  };
  return {
    path: `/grpc.health.v1.Health/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: isClients,
    requestDeserialize: decodeRequest,
    responseSerialize: serialize,
    responseDeserialize: isClients,
  };
}
