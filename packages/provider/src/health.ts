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

/** As many as the protocol allows to be listed. */
const MAX_LISTED = 100;

type Statuses = ReadonlyMap<string, HealthStatus>;
type Watcher = ServerWritableStream<HealthRequest, HealthStatus>;

/**
 * gRPC's health service, `grpc.health.v1.Health`. The package grpc-health-check reads a .proto from its own folder when it is
 * loaded, which no service has that is bundled into one file.
 */
export class Health {
  readonly #statuses = new Map<string, HealthStatus>();
  readonly #watchers = new Map<string, Set<Watcher>>();

  /** Tells those who ask, and those who watch. */
  set(service: string, status: HealthStatus): void {
    this.#statuses.set(service, status);
    for (const watcher of this.#watchers.get(service) ?? []) watcher.write(status);
  }

  addTo(server: Server): void {
    const check: handleUnaryCall<HealthRequest, HealthStatus> = ({ request: { service } }, callback) => {
      const status = this.#statuses.get(service);
      if (status !== undefined) callback(null, status);
      else
        callback({ code: Status.NOT_FOUND, details: `the health of the service '${service}' is not known` });
    };
    const watch: handleServerStreamingCall<HealthRequest, HealthStatus> = (call) => this.#watch(call);
    const list: handleUnaryCall<HealthRequest, Statuses> = (_call, callback) => {
      if (this.#statuses.size <= MAX_LISTED) callback(null, this.#statuses);
      else
        callback({ code: Status.RESOURCE_EXHAUSTED, details: `there are more than ${MAX_LISTED} services` });
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

  #watch(call: Watcher): void {
    const { service } = call.request;
    const watchers = this.#watchers.get(service) ?? new Set();
    this.#watchers.set(service, watchers.add(call));
    call.on('cancelled', () => {
      watchers.delete(call);
      if (watchers.size === 0 && this.#watchers.get(service) === watchers) this.#watchers.delete(service);
    });
    call.write(this.#statuses.get(service) ?? 'SERVICE_UNKNOWN');
  }
}

/** As a server needs it: requests are only read, and replies only written. */
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
