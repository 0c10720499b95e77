import { type Registry, type RegistryUpdate, toEndpoint } from '@podwire/registry';

/** A registry whose set, and whose failures, the simulation decides. */
export class SimRegistry implements Registry {
  readonly scheme = 'sim';
  readonly source = 'registry';
  #hosts: readonly string[] = [];
  #wake = () => {};
  #fails = false;

  /** The set from now on. */
  name(hosts: readonly string[]): void {
    this.#hosts = hosts;
    this.#wake();
  }

  /** Ends the watch with an error: podwire has to come again. */
  fail(): void {
    this.#fails = true;
    this.#wake();
  }

  async *watch(
    _service: string,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<RegistryUpdate> {
    signal.addEventListener('abort', () => this.#wake());
    let told: readonly string[] | undefined;
    while (!signal.aborted) {
      if (this.#fails) {
        this.#fails = false;
        throw new Error('the registry is not there');
      }
      if (told !== this.#hosts) {
        told = this.#hosts;
        yield { type: 'reset', endpoints: told.map((host) => toEndpoint({ host, port: 1 })) };
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
