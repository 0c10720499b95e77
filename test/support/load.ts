import type { ServiceError } from '@grpc/grpc-js';
import { get, type OrdersClient } from './orders-client.ts';

/** Unary calls, so many at a time, until it is stopped. */
export interface Load {
  readonly done: number;
  /** What failed. */
  stop(): Promise<string[]>;
}

export function startLoad(client: OrdersClient, inFlight: number): Load {
  let running = true;
  let done = 0;
  const failures: string[] = [];
  const worker = async () => {
    while (running) {
      try {
        await get(client);
      } catch (error) {
        failures.push((error as ServiceError).message);
      }
      done += 1;
    }
  };
  const workers = Promise.all(Array.from({ length: inFlight }, worker));
  return {
    get done() {
      return done;
    },
    async stop() {
      running = false;
      await workers;
      return failures;
    },
  };
}
