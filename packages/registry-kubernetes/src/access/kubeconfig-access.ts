import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '@podwire/registry';
import { isObject, type Json } from '../slices/read.ts';
import type { Access, Login } from './access.ts';
import { bearer } from './bearer.ts';
import { type ExecCredential, ExecPlugin } from './exec-plugin.ts';
import { type KubeconfigEntry, readKubeconfig } from './kubeconfig.ts';

/** What a kubeconfig may say that this client would not do; acting as if it were not there would be wrong. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  'auth-provider': 'was removed from Kubernetes in 1.26; use an exec plugin',
  as: 'is not supported (impersonation)',
  'as-uid': 'is not supported (impersonation)',
  'as-groups': 'is not supported (impersonation)',
  'proxy-url': 'is not supported',
};

/**
 * A kubeconfig, outside of a cluster. It is read again before each request, so that rotated tokens and certificates are
 * used; the context that was current first stays, so that a `kubectl config use-context` does not move a running process.
 */
export class KubeconfigAccess implements Access {
  readonly #paths: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #clock: Clock;
  #context: string | undefined;
  #plugin: { readonly key: string; readonly plugin: ExecPlugin } | undefined;

  constructor(
    paths: string,
    context: string | undefined,
    env: Readonly<Record<string, string | undefined>>,
    clock: Clock,
  ) {
    this.#paths = paths;
    this.#context = context;
    this.#env = env;
    this.#clock = clock;
  }

  async login(): Promise<Login> {
    const entry = await readKubeconfig(this.#paths, this.#context);
    this.#context = entry.context;
    const { cluster, user } = entry;
    const source = sourceOf(entry);
    for (const [key, why] of Object.entries(UNSUPPORTED)) {
      if (cluster[key] !== undefined || user[key] !== undefined) throw new Error(`${source}: ${key} ${why}`);
    }
    const server = readServer(cluster, entry);
    const [ca, cert, key] = await Promise.all([
      readMaterial(cluster, 'certificate-authority', entry.clusterDir, source),
      readMaterial(user, 'client-certificate', entry.userDir, source),
      readMaterial(user, 'client-key', entry.userDir, source),
    ]);
    const exec = isObject(user.exec) ? await this.#run(user.exec, entry, server, ca) : undefined;
    const authorization = (await readAuthorization(user, entry)) ?? exec?.authorization;
    const pair = exec?.cert !== undefined ? { cert: exec.cert, key: exec.key } : { cert, key };
    if ((pair.cert === undefined) !== (pair.key === undefined)) {
      throw new Error(`${source}: a client certificate and its key go together`);
    }
    if (server.protocol === 'http:' && (authorization !== undefined || pair.cert !== undefined)) {
      throw new Error(`${source}: credentials are not sent to ${server.origin}, which is not https`);
    }
    const servername = cluster['tls-server-name'];
    return {
      server,
      namespace: entry.namespace,
      source,
      ...(ca !== undefined && { ca }),
      ...(pair.cert !== undefined && pair.key !== undefined && { cert: pair.cert, key: pair.key }),
      ...(typeof servername === 'string' && servername !== '' && { servername }),
      ...(cluster['insecure-skip-tls-verify'] === true && { insecure: true }),
      ...(authorization !== undefined && { authorization }),
    };
  }

  refused(): boolean {
    return this.#plugin?.plugin.forget() ?? false;
  }

  #run(exec: Json, entry: KubeconfigEntry, server: URL, ca: Buffer | undefined): Promise<ExecCredential> {
    const key = JSON.stringify([exec, server.href]);
    if (this.#plugin?.key !== key) {
      const plugin = new ExecPlugin(exec, entry, { server, ca }, this.#env, this.#clock);
      this.#plugin = { key, plugin };
    }
    return this.#plugin.plugin.credential();
  }
}

/** Where the credentials come from, for error messages. */
function sourceOf({ user, userDir, source }: KubeconfigEntry): string {
  const { tokenFile } = user;
  return typeof tokenFile === 'string' && tokenFile !== '' ? resolve(userDir, tokenFile) : source;
}

function readServer(cluster: Json, entry: KubeconfigEntry): URL {
  const url =
    typeof cluster.server === 'string' && URL.canParse(cluster.server) ? new URL(cluster.server) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) {
    throw new Error(`${entry.source}: the server of context '${entry.context}' must be an https URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error(`${entry.source}: the server of context '${entry.context}' must not hold a password`);
  }
  return url;
}

/** `name-data` in base64 comes before the file `name`, as in kubectl. */
async function readMaterial(
  from: Json,
  name: string,
  dir: string,
  source: string,
): Promise<Buffer | undefined> {
  const data = from[`${name}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64');
  const file = from[name];
  if (file === undefined || file === '') return undefined;
  if (typeof file !== 'string') throw new Error(`${source}: ${name} must be the path of a file`);
  return readFile(resolve(dir, file)).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot read ${resolve(dir, file)}, the ${name} of ${source}: ${error.code}`);
  });
}

async function readAuthorization(
  user: Json,
  { userDir, source }: KubeconfigEntry,
): Promise<string | undefined> {
  if (typeof user.tokenFile === 'string' && user.tokenFile !== '') {
    const file = resolve(userDir, user.tokenFile);
    const token = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Error(`cannot read ${file}, the tokenFile of ${source}: ${error.code}`);
    });
    return bearer(token, file);
  }
  if (typeof user.token === 'string' && user.token !== '') return bearer(user.token, source);
  if (typeof user.username !== 'string' || typeof user.password !== 'string') return undefined;
  return `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
}
