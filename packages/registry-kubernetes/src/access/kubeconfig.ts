import { delimiter, dirname, resolve } from 'node:path';
import { unknownWord } from '@podwire/core';
import { parseYaml } from '@podwire/registry';
import { isObject, type Json } from '../slices/read.ts';
import { isAbsent, readBounded } from './read-file.ts';

/** One cluster and one user of a kubeconfig. Paths in it are absolute. */
export interface KubeconfigEntry {
  readonly context: string;
  readonly namespace: string;
  readonly cluster: Json;
  readonly user: Json;
  /** The file that defines the user, for error messages. */
  readonly source: string;
  /** The directory that the user's relative paths start from. */
  readonly userDir: string;
  readonly clusterDir: string;
}

interface Named {
  readonly value: Json;
  readonly file: string;
}

/**
 * Reads the files of a `KUBECONFIG` list. Of several definitions of one name, the first counts
 * (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files).
 * Errors name files and fields, and never show what stands there.
 */
export async function readKubeconfig(paths: string, wanted?: string): Promise<KubeconfigEntry> {
  const lists = {
    clusters: new Map<string, Named>(),
    users: new Map<string, Named>(),
    contexts: new Map<string, Named>(),
  };
  let current = wanted;
  let found = false;
  const files = paths.split(delimiter).filter((path) => path !== '');
  for (const file of files) {
    const document = await readDocument(file, files.length > 1);
    if (document === undefined) continue;
    found = true;
    const context = document['current-context'];
    if (current === undefined && typeof context === 'string' && context !== '') current = context;
    for (const kind of ['clusters', 'users', 'contexts'] as const) collect(document, kind, file, lists[kind]);
  }
  if (!found) throw new Error(`there is no kubeconfig at ${paths}`);
  if (current === undefined) throw new Error(`${paths}: no current-context; set options.context`);
  const context = pick(lists.contexts, current, 'context', paths);
  const cluster = pick(lists.clusters, context.value.cluster, `contexts[${current}].context.cluster`, paths);
  const said = `context '${current}' of ${context.file}`;
  // Like kubectl, use no credentials for a context without a user: a proxy adds them, or the server needs none.
  const isNobody = (context.value.user ?? '') === '';
  const user = isNobody
    ? { value: {}, file: context.file }
    : pick(lists.users, context.value.user, `contexts[${current}].context.user`, paths);
  return {
    context: current,
    namespace: readText(context.value, 'namespace', said) ?? 'default',
    cluster: cluster.value,
    user: user.value,
    source: isNobody
      ? `${said}, which names no user`
      : `user '${String(context.value.user)}' of ${user.file}`,
    userDir: dirname(resolve(user.file)),
    clusterDir: dirname(resolve(cluster.file)),
  };
}

async function readDocument(file: string, optional: boolean): Promise<Json | undefined> {
  let text: string;
  try {
    text = (await readBounded(file, `the kubeconfig ${file}`)).toString('utf8');
  } catch (error) {
    if (optional && isAbsent(error)) return undefined;
    throw error;
  }
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch (error) {
    // The parser's own message quotes the line, which may hold a token.
    const at = (error as { linePos?: readonly { readonly line: number }[] }).linePos?.[0]?.line;
    throw new Error(`the kubeconfig ${file} is no YAML${at === undefined ? '' : `: see line ${at}`}`);
  }
  if (!isObject(document)) throw new Error(`the kubeconfig ${file} must be an object`);
  return document;
}

function collect(
  document: Json,
  kind: 'clusters' | 'users' | 'contexts',
  file: string,
  into: Map<string, Named>,
) {
  const list = document[kind] ?? [];
  if (!Array.isArray(list)) throw new Error(`${file}: ${kind} must be a list`);
  const field = kind.slice(0, -1);
  for (const [i, item] of list.entries()) {
    const name = isObject(item) ? item.name : undefined;
    if (typeof name !== 'string') throw new Error(`${file}: ${kind}[${i}].name must be a string`);
    const value = (item as Json)[field] ?? {};
    if (!isObject(value)) throw new Error(`${file}: ${kind}[${i}].${field} must be an object`);
    if (!into.has(name)) into.set(name, { value, file });
  }
}

function pick(from: ReadonlyMap<string, Named>, name: unknown, field: string, paths: string): Named {
  const found = typeof name === 'string' ? from.get(name) : undefined;
  if (found !== undefined) return found;
  if (typeof name !== 'string') throw new Error(`${paths}: ${field} must be a name`);
  throw new Error(`${paths}: ${field} '${name}' ${unknownWord(name, [...from.keys()])}`);
}

/**
 * A field that is a string or not set. YAML reads `token: 12345` as a number; if we ignored it, requests would go out under another
 * user's name. The error does not show the value.
 */
export function readText(from: Json, field: string, source: string): string | undefined {
  const value = from[field] ?? '';
  if (typeof value !== 'string') throw new Error(`${source}: ${field} must be a string; put it in quotes`);
  return value === '' ? undefined : value;
}
