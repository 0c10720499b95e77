import { createHash } from 'node:crypto';
import type { Clock, Random, Timer } from '@podwire/registry';
import { NacosError } from '../error.ts';
import type { Session } from '../rpc/session.ts';

type Listener = (content: string) => void;

interface Followed {
  readonly dataId: string;
  readonly group: string;
  readonly listeners: Set<Listener>;
  /** Undefined until it was read. */
  content: string | undefined;
  /** Reads go one after another, so that no older content overtakes a newer one. */
  tail: Promise<void>;
}

/** Nacos: there is no such config (`NacosException.CONFIG_NOT_FOUND` of its responses). */
const NOT_FOUND = 300;
/** A write that compared with something else than what is there is answered with this code, as other failures are. */
const SERVER_ERROR = 500;
const MAX_EDITS = 10;
const EDIT_PAUSE_MS = 50;
/** Nacos's own clients ask this often whether a change was missed, although Nacos pushes. */
const CHECK_MS = 60_000;

/** Configs of one session: what other systems keep in Nacos beside the instances. One that does not exist is empty. */
export class Configs {
  readonly #session: Session;
  readonly #tenant: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #followed = new Map<string, Followed>();
  #timer: Timer | undefined;

  constructor(session: Session, namespace: string, clock: Clock, random: Random) {
    this.#session = session;
    this.#tenant = namespace === 'public' ? '' : namespace;
    this.#clock = clock;
    this.#random = random;
    session.onPush('ConfigChangeNotifyRequest', ({ body: { dataId, group } }) => {
      const followed = this.#followed.get(keyOf(String(dataId), String(group)));
      if (followed !== undefined) this.#queue(followed).catch(() => {});
    });
    session.onEnd(() => this.#timer?.cancel());
  }

  async read(dataId: string, group: string): Promise<string> {
    try {
      const names = { dataId, group, tenant: this.#tenant };
      const { content } = await this.#session.request('ConfigQueryRequest', names);
      return typeof content === 'string' ? content : '';
    } catch (error) {
      if (error instanceof NacosError && error.code === NOT_FOUND) return '';
      throw error;
    }
  }

  /**
   * Makes what `change` makes of a config, whatever others write at the same time; `change` is asked anew of what they wrote.
   * Rejects when Nacos refuses, or others keep writing.
   */
  async edit(dataId: string, group: string, change: (content: string) => string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const before = await this.read(dataId, group);
      const content = change(before);
      if (content === before) return;
      // Compared with what is there, if anything is: that of '' matches nothing, so that the first of two writers wins.
      const casMd5 = md5(before);
      const names = { dataId, group, tenant: this.#tenant };
      try {
        const body = { ...names, content, casMd5, additionMap: {} };
        await this.#session.request('ConfigPublishRequest', body);
        return;
      } catch (error) {
        const isOutrun = error instanceof NacosError && error.code === SERVER_ERROR;
        if (!isOutrun || attempt === MAX_EDITS) throw error;
      }
      // Nacos reads from a copy of its store, which knows of a write a little later.
      const delayMs = EDIT_PAUSE_MS * attempt * (0.5 + this.#random());
      await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
    }
  }

  /** Calls `listener` with the content, now and after each change, until the function returned is called. */
  async follow(dataId: string, group: string, listener: Listener): Promise<() => void> {
    const key = keyOf(dataId, group);
    const known = this.#followed.get(key);
    const fresh: Followed = {
      ...{ dataId, group, listeners: new Set(), content: undefined },
      tail: Promise.resolve(),
    };
    const followed = known ?? fresh;
    this.#followed.set(key, followed);
    followed.listeners.add(listener);
    const leave = () => this.#leave(key, followed, listener);
    try {
      if (known === undefined) await this.#queue(followed);
      else await followed.tail;
    } catch (error) {
      leave();
      throw error;
    }
    if (known !== undefined && followed.content !== undefined) listener(followed.content);
    this.#planCheck();
    return leave;
  }

  #leave(key: string, followed: Followed, listener: Listener): void {
    if (!followed.listeners.delete(listener) || followed.listeners.size > 0) return;
    if (this.#followed.get(key) === followed) this.#followed.delete(key);
    if (this.#followed.size === 0) this.#timer?.cancel();
    if (this.#session.error === undefined) this.#listen(false, [followed]).catch(() => {});
  }

  #queue(followed: Followed): Promise<void> {
    const done = followed.tail.then(() => this.#read(followed));
    followed.tail = done.catch(() => {});
    return done;
  }

  /** Reads it until Nacos agrees that this is its newest content; Nacos then tells of one change. */
  async #read(followed: Followed): Promise<void> {
    for (;;) {
      const content = await this.read(followed.dataId, followed.group);
      if (content !== followed.content) {
        followed.content = content;
        for (const listener of followed.listeners) listener(content);
      }
      if (followed.listeners.size === 0) return;
      const { changedConfigs } = await this.#listen(true, [followed]);
      if (!Array.isArray(changedConfigs) || changedConfigs.length === 0) return;
    }
  }

  #listen(listen: boolean, all: readonly Followed[]) {
    const configListenContexts = all.map(({ dataId, group, content = '' }) => {
      return { dataId, group, tenant: this.#tenant, md5: content === '' ? '' : md5(content) };
    });
    return this.#session.request('ConfigBatchListenRequest', { listen, configListenContexts });
  }

  #planCheck(): void {
    this.#timer?.cancel();
    if (this.#session.error !== undefined || this.#followed.size === 0) return;
    this.#timer = this.#clock.after(CHECK_MS, () => {
      // A failure shows in the health check as well, which ends the session.
      void Promise.allSettled([...this.#followed.values()].map((one) => this.#queue(one))).then(() =>
        this.#planCheck(),
      );
    });
  }
}

const keyOf = (dataId: string, group: string) => `${group}@@${dataId}`;
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
