import { resolve } from 'node:path';
import type { Clock } from '@podwire/core';
import { isObject, type Json } from '../slices/read.ts';
import type { Access, Login } from './access.ts';
import { bearer } from './bearer.ts';
import { type ExecCluster, type ExecCredential, ExecPlugin, execCluster } from './exec-plugin.ts';
import { type KubeconfigEntry, readKubeconfig, readText } from './kubeconfig.ts';
import { readBounded } from './read-file.ts';

/** Settings of a kubeconfig that this client does not support. It refuses them, because ignoring them would be wrong. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  'auth-provider': 'was removed from Kubernetes in 1.26; use an exec plugin',
  as: 'is not supported (impersonation)',
  'as-uid': 'is not supported (impersonation)',
  'as-groups': 'is not supported (impersonation)',
  'proxy-url': 'is not supported',
};

/**
 * Access by a kubeconfig, outside of a cluster. The file is read again before each request, so that rotated tokens and certificates are
 * used. The context that was current at first stays, so that a `kubectl config use-context` does not move a running process.
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
    if (!isObject(user.exec ?? {})) throw new Error(`${source}: exec must be an object`);
    const skip = cluster['insecure-skip-tls-verify'] ?? false;
    if (typeof skip !== 'boolean') {
      throw new Error(`${source}: the cluster's insecure-skip-tls-verify must be true or false`);
    }
    const servername = readText(cluster, 'tls-server-name', source);
    const exec = isObject(user.exec)
      ? await this.#run(user.exec, entry, execCluster(cluster, server, ca))
      : undefined;
    const authorization = (await readAuthorization(user, entry)) ?? exec?.authorization;
    const pair = exec?.cert !== undefined ? { cert: exec.cert, key: exec.key } : { cert, key };
    if ((pair.cert === undefined) !== (pair.key === undefined)) {
      throw new Error(`${source}: a client certificate and its key go together`);
    }
    if (server.protocol === 'http:' && (authorization !== undefined || pair.cert !== undefined)) {
      throw new Error(`${source}: credentials are not sent to ${server.origin}, which is not https`);
    }
    return {
      server,
      namespace: entry.namespace,
      source,
      ...(ca !== undefined && { ca }),
      ...(pair.cert !== undefined && pair.key !== undefined && { cert: pair.cert, key: pair.key }),
      ...(servername !== undefined && { servername }),
      ...(skip && { insecure: true }),
      ...(authorization !== undefined && { authorization }),
    };
  }

  refused(login: Login): boolean {
    this.#plugin?.plugin.forget(login);
    return this.#plugin !== undefined;
  }

  #run(exec: Json, entry: KubeconfigEntry, cluster: ExecCluster): Promise<ExecCredential> {
    const key = JSON.stringify([exec, cluster]);
    if (this.#plugin?.key !== key) {
      const plugin = new ExecPlugin(exec, entry, cluster, this.#env, this.#clock);
      this.#plugin = { key, plugin };
    }
    return this.#plugin.plugin.credential();
  }
}

/** Where the credentials come from, for error messages. */
function sourceOf({ user, userDir, source }: KubeconfigEntry): string {
  const tokenFile = readText(user, 'tokenFile', source);
  return tokenFile === undefined ? source : resolve(userDir, tokenFile);
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
  const data = readText(from, `${name}-data`, source);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = readText(from, name, source);
  if (file === undefined) return undefined;
  const path = resolve(dir, file);
  const content = await readBounded(path, `${path}, the ${name} of ${source}`);
  // With an empty list of CAs, Node would trust its built-in ones.
  if (content.toString('latin1').trim() === '')
    throw new Error(`${path}, the ${name} of ${source}, is empty`);
  return content;
}

async function readAuthorization(
  user: Json,
  { userDir, source }: KubeconfigEntry,
): Promise<string | undefined> {
  const tokenFile = readText(user, 'tokenFile', source);
  if (tokenFile !== undefined) {
    const file = resolve(userDir, tokenFile);
    return bearer((await readBounded(file, `${file}, the tokenFile of ${source}`)).toString('utf8'), file);
  }
  const token = readText(user, 'token', source);
  if (token !== undefined) return bearer(token, source);
  const [name, password] = [readText(user, 'username', source), readText(user, 'password', source)];
  if (name === undefined || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}
