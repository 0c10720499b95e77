import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Access, Login } from './access.ts';
import { bearer } from './bearer.ts';
import { readBounded } from './read-file.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Where the kubelet puts a Pod's token, CA and namespace. */
export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Whether the kubelet has told this process where the API server is. */
export function hasApiServer(env: Env): boolean {
  return Boolean(env.KUBERNETES_SERVICE_HOST && env.KUBERNETES_SERVICE_PORT);
}

/**
 * A Pod's own account (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). The kubelet replaces the
 * token about every hour and the CA when it rotates, so the files are read before each request; requests are rare.
 */
export class InCluster implements Access {
  readonly #env: Env;
  readonly #dir: string;

  constructor(env: Env, dir = SERVICE_ACCOUNT_DIR) {
    this.#env = env;
    this.#dir = dir;
  }

  /** Whether the account's token is mounted. */
  get hasToken(): boolean {
    return statSync(join(this.#dir, 'token'), { throwIfNoEntry: false })?.isDirectory() === false;
  }

  async login(): Promise<Login> {
    const host = this.#env.KUBERNETES_SERVICE_HOST ?? '';
    const server = new URL(
      `https://${host.includes(':') ? `[${host}]` : host}:${this.#env.KUBERNETES_SERVICE_PORT}`,
    );
    const [token, ca] = await Promise.all([this.#read('token'), this.#read('ca.crt')]);
    const namespace = await this.#read('namespace').catch(() => 'default');
    const source = join(this.#dir, 'token');
    if (ca.trim() === '') throw new Error(`${join(this.#dir, 'ca.crt')} is empty`);
    return {
      server,
      namespace: namespace.trim() || 'default',
      source,
      ca,
      authorization: bearer(token, source),
    };
  }

  /** The files are read again anyway; the kubelet may have replaced them just now. */
  refused(): boolean {
    return false;
  }

  async #read(name: string): Promise<string> {
    const hint = 'does the Pod mount its service account (automountServiceAccountToken)?';
    const content = await readBounded(join(this.#dir, name), join(this.#dir, name)).catch((error: Error) => {
      throw new Error(`${error.message}; ${hint}`);
    });
    return content.toString('utf8');
  }
}
