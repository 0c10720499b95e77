import { createHash } from 'node:crypto';
import { NacosError } from '../error.ts';
import type { Session } from '../rpc/session.ts';
import type { ServiceRef } from '../service-ref.ts';

/** Where Dubbo keeps which applications have an interface: a config of the interface's name in this group. */
const MAPPING = 'mapping';
/** Nacos: there is no such config (`NacosException.CONFIG_NOT_FOUND` of its responses). */
const NOT_FOUND = 300;

/** The applications that provide one interface. */
export interface Applications {
  /** Whether they may have changed since they were read. */
  readonly stale: boolean;
  read(): Promise<readonly string[]>;
  close(): void;
}

/** Follows Dubbo's mapping of an interface; rings `bell` when it changed. Nacos tells of one change for each `read`. */
export function applications(session: Session, ref: ServiceRef, bell: { ring(): void }): Applications {
  const names = { dataId: ref.name, group: MAPPING, tenant: ref.namespace === 'public' ? '' : ref.namespace };
  let stale = true;
  const off = session.onPush('ConfigChangeNotifyRequest', ({ body }) => {
    if (body.dataId !== names.dataId || body.group !== names.group) return;
    stale = true;
    bell.ring();
  });
  const listen = (listening: boolean, md5: string) =>
    session.request('ConfigBatchListenRequest', {
      listen: listening,
      configListenContexts: [{ ...names, md5 }],
    });
  return {
    get stale() {
      return stale;
    },
    async read() {
      stale = false;
      const content = await readConfig(session, names);
      const md5 = content === '' ? '' : createHash('md5').update(content).digest('hex');
      const { changedConfigs } = await listen(true, md5);
      if (Array.isArray(changedConfigs) && changedConfigs.length > 0) stale = true;
      return [...new Set(content.split(',').filter((name) => /^[^\s@?/]{1,512}$/.test(name)))];
    },
    close() {
      off();
      if (session.error === undefined) listen(false, '').catch(() => {});
    },
  };
}

async function readConfig(session: Session, names: Readonly<Record<string, string>>): Promise<string> {
  try {
    const { content } = await session.request('ConfigQueryRequest', names);
    return typeof content === 'string' ? content : '';
  } catch (error) {
    if (error instanceof NacosError && error.code === NOT_FOUND) return '';
    throw error;
  }
}
