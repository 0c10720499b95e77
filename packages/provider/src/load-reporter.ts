import {
  type handleServerStreamingCall,
  Metadata,
  type MethodDefinition,
  type Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerWritableStream,
  status as Status,
} from '@grpc/grpc-js';
import { type Clock, checkKeys, systemClock, type Timer } from '@podwire/core';
import { checkMs } from './check-options.ts';
import { LoadWindow, WINDOW_MS } from './load-window.ts';
import { decodeRequest, encodeReport, type LoadReport, type ReportRequest } from './load-wire.ts';
import { processUsage, type Usage } from './process-usage.ts';

/** How a server reports its load. */
export interface LoadReporterOptions {
  /** Reports apart from calls come no more often than this, whatever a client asks for, in milliseconds. Default 30 000 (gRFC A51). */
  readonly minIntervalMs?: number;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: that of this process. */
  readonly usage?: () => Usage;
}

/** Reports a server's load to its clients, with each call and apart from calls. */
export interface LoadReporter {
  /** Counts calls, and adds a report to the trailers of each: `new Server({ interceptors: [load.interceptor] })`. */
  readonly interceptor: ServerInterceptor;
  /** Adds the service by which clients ask for reports apart from calls. `serve` and `attach` do so with their option `load`. */
  addTo(server: Pick<Server, 'addService'>): void;
  /** Ends the streams of those clients, which would be calls that a stopping server waits for. `serve` and `attach` do so. */
  endStreams(): void;
}

const TRAILER = 'endpoint-load-metrics-bin';
/** gRPC's own services, which say nothing of the application's load. */
const NOT_COUNTED = /^\/(?:grpc\.|xds\.service\.orca\.)/;

type Reports = ServerWritableStream<ReportRequest, LoadReport>;

/**
 * Makes a reporter of CPU, event loop, calls and errors (ORCA, gRFC A51), from which clients compute weights (`weighted_round_robin`, gRFC
 * A58). Throws `InvalidInput`.
 */
export function loadReporter(options: LoadReporterOptions = {}): LoadReporter {
  checkKeys(options, ['minIntervalMs', 'clock', 'usage'], 'options');
  const { minIntervalMs = 30_000, clock = systemClock, usage = processUsage } = options;
  checkMs(minIntervalMs, 'options.minIntervalMs');
  return new Reporter(new LoadWindow(clock, usage), clock, Math.max(minIntervalMs, 1));
}

class Reporter implements LoadReporter {
  readonly #window: LoadWindow;
  readonly #clock: Clock;
  readonly #minIntervalMs: number;
  readonly #streams = new Map<Reports, Timer>();
  #encoded: { readonly report: LoadReport; readonly bytes: Buffer } | undefined;
  #isOver = false;

  constructor(window: LoadWindow, clock: Clock, minIntervalMs: number) {
    this.#window = window;
    this.#clock = clock;
    this.#minIntervalMs = minIntervalMs;
  }

  readonly interceptor: ServerInterceptor = ({ path }, call) => {
    if (NOT_COUNTED.test(path)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      sendStatus: (status, next) => {
        this.#window.count(status.code ?? Status.OK);
        const report = this.#window.report();
        // What the application reports itself stays.
        if (report === undefined || (status.metadata?.get(TRAILER).length ?? 0) > 0) return next(status);
        const metadata = status.metadata?.clone() ?? new Metadata();
        metadata.set(TRAILER, this.#encode(report));
        next({ ...status, metadata });
      },
    });
  };

  addTo(server: Pick<Server, 'addService'>): void {
    const streamCoreMetrics: handleServerStreamingCall<ReportRequest, LoadReport> = (call) =>
      this.#begin(call);
    server.addService({ streamCoreMetrics: METHOD }, { streamCoreMetrics });
  }

  endStreams(): void {
    this.#isOver = true;
    for (const [stream, timer] of this.#streams) {
      timer.cancel();
      end(stream);
    }
    this.#streams.clear();
  }

  #begin(call: Reports): void {
    if (this.#isOver) return end(call);
    const intervalMs = Math.max(call.request.intervalMs, this.#minIntervalMs);
    const tell = () => {
      const report = this.#window.report();
      if (report !== undefined) call.write(report);
      const nextMs = report === undefined ? WINDOW_MS : intervalMs;
      this.#streams.set(call, this.#clock.after(nextMs, tell));
    };
    call.on('cancelled', () => {
      this.#streams.get(call)?.cancel();
      this.#streams.delete(call);
    });
    tell();
  }

  /** The bytes of a report, which are the same for all calls until the next. */
  #encode(report: LoadReport): Buffer {
    if (this.#encoded?.report !== report) this.#encoded = { report, bytes: encodeReport(report) };
    return this.#encoded.bytes;
  }
}

function end(stream: Reports): void {
  stream.emit('error', { code: Status.UNAVAILABLE, details: 'The server is shutting down.' });
}

const isClients = () => {
  throw new Error('this definition is for servers');
};
const METHOD: MethodDefinition<ReportRequest, LoadReport> = {
  path: '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics',
  requestStream: false,
  responseStream: true,
  requestSerialize: isClients,
  requestDeserialize: decodeRequest,
  responseSerialize: encodeReport,
  responseDeserialize: isClients,
};
