import type { Clock } from '@podwire/core';
import { isObject, type Json } from '../slices/read.ts';
import type { Resource } from '../slices/resource.ts';
import type { ApiClient } from './client.ts';
import {
  BrokenAnswer,
  connectionError,
  type KubernetesError,
  SilentWatch,
  statusError,
  unreachable,
} from './error.ts';
import { JsonLines } from './json-lines.ts';
import type { ServiceKey } from './list.ts';

/** One line of a watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes). */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

export interface WatchRequest {
  readonly resource: Resource;
  readonly service: ServiceKey;
  readonly resourceVersion: string;
  /** After this the server ends the watch by itself. */
  readonly timeoutSeconds: number;
  /** A watch without a line for this long counts as dead. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
  /** The request left the queue. */
  readonly onSent: () => void;
  /** The server has accepted the resource version. */
  readonly onOpen: () => void;
}

const CHANGES = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'];

/**
 * The changes since `resourceVersion`, until the server ends the watch. Throws {@link KubernetesError}; its status is 410
 * when the resource version is too old, whether HTTP says so or the stream.
 */
export async function* watch(
  client: ApiClient,
  clock: Clock,
  request: WatchRequest,
): AsyncGenerator<WatchEvent> {
  const { resource, service, idleTimeoutMs } = request;
  const { path, query } = resource.path(service.namespace, service.name);
  query.set('watch', '1');
  query.set('allowWatchBookmarks', 'true');
  query.set('resourceVersion', request.resourceVersion);
  query.set('timeoutSeconds', String(request.timeoutSeconds));
  const question = {
    verb: 'watch',
    resource: resource.fullName,
    namespace: service.namespace,
    path,
    query,
  } as const;
  const { asked, body } = await client.get(question, request.signal, request.onSent);
  const onIdle = () => {
    const what = `the watch of ${resource.fullName} in namespace ${service.namespace}`;
    body.destroy(new SilentWatch(`${what} was silent for ${idleTimeoutMs} ms`));
  };
  let idle = clock.after(idleTimeoutMs, onIdle);
  const lines = new JsonLines();
  try {
    request.onOpen();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      for (const line of lines.push(chunk)) {
        idle.cancel();
        idle = clock.after(idleTimeoutMs, onIdle);
        yield readEvent(line, (status, object) => statusError(asked, status, object));
      }
    }
    if (lines.broken) throw unreachable('the watch ended in the middle of a line');
  } catch (error) {
    throw connectionError(asked.server, error);
  } finally {
    idle.cancel();
    body.destroy();
  }
}

function readEvent(line: unknown, toError: (status: number, object: unknown) => KubernetesError): WatchEvent {
  const { type, object }: Json = isObject(line) ? line : {};
  if (CHANGES.some((change) => change === type)) return { type: type as WatchEvent['type'], object };
  // A Status instead of an event is how a server ends a watch that it could not begin.
  const status = type === 'ERROR' ? object : line;
  if (isObject(status) && (type === 'ERROR' || status.kind === 'Status')) {
    const gone = status.reason === 'Expired' || status.reason === 'Gone';
    throw toError(gone ? 410 : typeof status.code === 'number' ? status.code : 500, status);
  }
  throw new BrokenAnswer('the watch sent a line that is no event');
}
