import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '@podwire/core';
import { Socket } from '../node-net.ts';
import { isObject, type Json } from '../slices/read.ts';
import type { Login } from './access.ts';
import { bearer } from './bearer.ts';
import type { KubeconfigEntry } from './kubeconfig.ts';

/** A credential that a plugin printed. */
export interface ExecCredential {
  readonly authorization?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * The description of the cluster that a plugin with `provideClusterInfo` gets, with the names and omissions of client-go
 * (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-Cluster).
 */
export interface ExecCluster {
  readonly server: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: true;
  readonly 'certificate-authority-data'?: string;
  readonly 'disable-compression'?: true;
  /** The kubeconfig's settings for plugins; null when it has none. */
  readonly config: unknown;
}

/** The name of the extension in which a kubeconfig's cluster keeps settings for plugins. */
const EXTENSION = 'client.authentication.k8s.io/exec';

export function execCluster(cluster: Json, server: URL, ca: Buffer | undefined): ExecCluster {
  const name = cluster['tls-server-name'];
  return {
    server: serverAsWritten(String(cluster.server), server),
    ...(typeof name === 'string' && name !== '' && { 'tls-server-name': name }),
    ...(cluster['insecure-skip-tls-verify'] === true && { 'insecure-skip-tls-verify': true }),
    ...(ca !== undefined && { 'certificate-authority-data': ca.toString('base64') }),
    ...(cluster['disable-compression'] === true && { 'disable-compression': true }),
    config: configOf(cluster.extensions),
  };
}

/** Plugins often make a token for this exact text. Like client-go, adds no slash, and cuts a query only from a URL with a path. */
function serverAsWritten(written: string, { pathname }: URL): string {
  return pathname.length > 1 ? written.replace(/[?#].*$/s, '') : written;
}

function configOf(extensions: unknown): unknown {
  const list: readonly unknown[] = Array.isArray(extensions) ? extensions : [];
  const found = list.find((item) => isObject(item) && item.name === EXTENSION);
  return isObject(found) ? (found.extension ?? null) : null;
}

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
/**
 * A plugin may ask a cloud for a token over a slow network, and a plugin that waits for a person never ends. This limit is below the 30 s
 * after which a watcher of a service gives up, so that the watcher can still report the cause.
 */
const TIMEOUT_MS = 25_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const HAS_GROUPS = process.platform !== 'win32';
/** A credential is not used in its last seconds: it would expire on the way. */
const EXPIRY_MARGIN_MS = 10_000;

/**
 * A command that prints credentials (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
 * It is run when there are no credentials, when they expire and when the API server refuses them: one run at a time, in bounded time.
 */
export class ExecPlugin {
  readonly #exec: Json;
  readonly #entry: KubeconfigEntry;
  readonly #cluster: ExecCluster;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #clock: Clock;
  #cached: { readonly credential: ExecCredential; readonly expiresMs: number } | undefined;
  #running: Promise<ExecCredential> | undefined;

  constructor(
    exec: Json,
    entry: KubeconfigEntry,
    cluster: ExecCluster,
    env: Readonly<Record<string, string | undefined>>,
    clock: Clock,
  ) {
    this.#exec = exec;
    this.#entry = entry;
    this.#cluster = cluster;
    this.#env = env;
    this.#clock = clock;
  }

  async credential(): Promise<ExecCredential> {
    if (this.#cached !== undefined && this.#clock.wallMs() < this.#cached.expiresMs)
      return this.#cached.credential;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Forgets a credential that the API server refused. When many requests are refused together, only the first still finds it here. */
  forget(refused: Pick<Login, 'authorization' | 'cert'>): void {
    const { authorization = refused.authorization, cert = refused.cert } = this.#cached?.credential ?? {};
    if (authorization === refused.authorization && cert === refused.cert) this.#cached = undefined;
  }

  async #run(): Promise<ExecCredential> {
    const { source } = this.#entry;
    const { command, args = [], apiVersion, interactiveMode } = this.#exec;
    if (typeof command !== 'string' || command === '')
      throw new Error(`${source}: exec.command must be a command`);
    if (
      !Array.isArray(args ?? []) ||
      !((args as unknown[] | null) ?? []).every((arg) => typeof arg === 'string')
    ) {
      throw new Error(`${source}: exec.args must be a list of strings`);
    }
    if (!API_VERSIONS.some((version) => version === apiVersion)) {
      throw new Error(`${source}: exec.apiVersion must be one of ${API_VERSIONS.join(', ')}`);
    }
    if (interactiveMode === 'Always') {
      throw new Error(
        `${source}: exec.interactiveMode is Always, and nobody is there to answer; log in first`,
      );
    }
    const output = await this.#start(command, (args as string[] | null) ?? [], String(apiVersion));
    const { credential, expiresMs } = readCredential(output, String(apiVersion), command, source);
    this.#cached = { credential, expiresMs: expiresMs - EXPIRY_MARGIN_MS };
    return credential;
  }

  #start(command: string, args: readonly string[], apiVersion: string): Promise<string> {
    const { source, userDir } = this.#entry;
    // As kubectl: a path is relative to the kubeconfig, a bare name is looked up in PATH.
    const file = /[\\/]/.test(command) ? resolve(userDir, command) : command;
    const env = { ...this.#env, ...readEnv(this.#exec.env), KUBERNETES_EXEC_INFO: this.#info(apiVersion) };
    return new Promise((done, fail) => {
      const bad = (how: string) => {
        const hint =
          typeof this.#exec.installHint === 'string' ? `; ${this.#exec.installHint.slice(0, 300)}` : '';
        fail(new Error(`${source}: the credential plugin '${command}' ${how}${hint}`));
      };
      const child = start(file, args, env);
      if (child === undefined) return bad('could not be started');
      const end = (how: string) => {
        bad(how);
        kill(child);
      };
      const timer = this.#clock.after(TIMEOUT_MS, () => end(`did not end within ${TIMEOUT_MS / 1000} s`));
      const chunks: Buffer[] = [];
      let bytes = 0;
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_OUTPUT_BYTES) end(`printed more than ${MAX_OUTPUT_BYTES} bytes`);
          else if (stream === child.stdout) chunks.push(chunk);
        });
        if (stream instanceof Socket) stream.unref();
      }
      // Like a socket of an idle client, a plugin does not keep the process alive.
      child.unref();
      child.once('error', ({ code }: NodeJS.ErrnoException) => {
        timer.cancel();
        bad(code === 'ENOENT' ? 'was not found' : `could not be started (${code})`);
      });
      child.once('close', (code) => {
        timer.cancel();
        // Neither arguments nor output: both may hold secrets.
        if (code === 0) done(Buffer.concat(chunks).toString('utf8'));
        else bad(`failed with ${code ?? 'a signal'}; run it by hand to see why`);
      });
    });
  }

  #info(apiVersion: string): string {
    const cluster = this.#exec.provideClusterInfo === true ? { cluster: this.#cluster } : {};
    return JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { ...cluster, interactive: false } });
  }
}

type Plugin = ChildProcessByStdio<null, Readable, Readable>;

/** Starts the plugin. Undefined when Node cannot start a process with these texts: its own error would quote them. */
function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Plugin | undefined {
  try {
    return spawn(file, args, { env, detached: HAS_GROUPS, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    return undefined;
  }
}

/** Kills the plugin and every process that it started: killing a script alone leaves its commands running. */
function kill(child: Plugin): void {
  child.stdout.destroy();
  child.stderr.destroy();
  if (!HAS_GROUPS || child.pid === undefined) {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The plugin has just ended.
  }
}

function readEnv(list: unknown): Record<string, string> {
  const env: Record<string, string> = {};
  for (const item of Array.isArray(list) ? list : []) {
    if (isObject(item) && typeof item.name === 'string') env[item.name] = String(item.value ?? '');
  }
  return env;
}

function readCredential(
  output: string,
  apiVersion: string,
  command: string,
  source: string,
): { credential: ExecCredential; expiresMs: number } {
  const bad = (why: string) => new Error(`${source}: the credential plugin '${command}' ${why}`);
  let document: unknown;
  try {
    document = JSON.parse(output);
  } catch {
    throw bad('printed no JSON');
  }
  if (!isObject(document) || document.kind !== 'ExecCredential' || document.apiVersion !== apiVersion) {
    throw bad(`did not print an ExecCredential of ${apiVersion}`);
  }
  const status = isObject(document.status) ? document.status : {};
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp: expires } = status;
  const has = (value: unknown): value is string => typeof value === 'string' && value !== '';
  const hasPair = has(cert) && has(key);
  if (has(cert) !== has(key)) throw bad('printed a certificate or a key alone: they go together');
  if (!has(token) && !hasPair) throw bad('printed neither a token nor a certificate with its key');
  const expiresMs = typeof expires === 'string' ? Date.parse(expires) : Number.POSITIVE_INFINITY;
  if (Number.isNaN(expiresMs)) throw bad('printed an expirationTimestamp that is no time');
  const credential = {
    ...(has(token) && { authorization: bearer(token, `the credential plugin '${command}'`) }),
    ...(hasPair && { cert, key }),
  };
  return { credential, expiresMs };
}
