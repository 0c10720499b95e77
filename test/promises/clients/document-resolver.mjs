// A resolver of grpc-js for the document that podwire's file registry reads: `document:<path>#<service>`.
import { readFileSync, statSync } from 'node:fs';
import { experimental } from '@grpc/grpc-js';

const POLL_MS = 50;

class DocumentResolver {
  #listener;
  #path;
  #service;
  #timer;
  #modifiedMs = 0;

  constructor(target, listener) {
    [this.#path, this.#service] = target.path.split('#');
    this.#listener = listener;
  }

  updateResolution() {
    this.#timer ??= setInterval(() => this.#look(), POLL_MS).unref();
  }

  #look() {
    const { mtimeMs } = statSync(this.#path);
    if (mtimeMs === this.#modifiedMs) return;
    this.#modifiedMs = mtimeMs;
    const { endpoints } = JSON.parse(readFileSync(this.#path, 'utf8')).services[this.#service];
    const addresses = endpoints.map(({ address }) => {
      const [host, port] = address.split(':');
      return { addresses: [{ host, port: Number(port) }] };
    });
    this.#listener(experimental.statusOrFromValue(addresses), {}, null, '');
  }

  destroy() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#modifiedMs = 0;
  }

  static getDefaultAuthority() {
    return 'localhost';
  }
}

let registered = false;

export function registerDocumentResolver() {
  if (!registered) experimental.registerResolver('document', DocumentResolver);
  registered = true;
}
