import { createHash } from 'node:crypto';
import type { Clock, Random, Timer } from '@podwire/core';
import { NacosError } from '../error.ts';
import type { Session } from '../rpc/session.ts';
import { Subscription } from '../rpc/subscription.ts';

type Listener = (content: string) => void;

interface Followed {
  readonly dataId: string;
  readonly group: string;
  readonly subscription: Subscription<Listener>;
  /** Undefined until it was read. */
  content: string | undefined;
  /** Whether to read again as soon as the request under way is answered. */
  isDue: boolean;
  /** How long to wait before it is read again although Nacos did not push. */
  pauseMs: number;
  timer: Timer | undefined;
}

/** Nacos: there is no such config (`NacosException.CONFIG_NOT_FOUND` of its responses). */
const NOT_FOUND = 300;
/** Nacos's code for a write whose comparison failed; other failures have it too. */
const SERVER_ERROR = 500;
/** How long other writers may win: enough for dozens that begin together on a busy server. */
const EDIT_MS = 15_000;
const EDIT_PAUSE_MS = 50;
const MAX_EDIT_PAUSE_MS = 500;
/** How long to wait before reading a config again that could not be read or is out of date; doubled each time. */
const FIRST_PAUSE_MS = 50;
/** How often to check for a push that was lost, as Nacos's own clients do. */
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
      if (typeof dataId !== 'string' || typeof group !== 'string') return;
      const followed = this.#followed.get(keyOf(dataId, group));
      if (followed !== undefined) void this.#look(followed);
    });
    session.onEnd(() => {
      this.#timer?.cancel();
      for (const { timer } of this.#followed.values()) timer?.cancel();
    });
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
   * Applies `change` to a config, also while others write it: after each write of theirs, `change` is called again with the new content.
   * Rejects when Nacos refuses, or others keep writing for {@link EDIT_MS}.
   */
  async edit(dataId: string, group: string, change: (content: string) => string): Promise<void> {
    const startedMs = this.#clock.nowMs();
    for (let attempt = 1; ; attempt++) {
      const before = await this.read(dataId, group);
      const content = change(before);
      if (content === before) return;
      // Nacos compares this with the MD5 of the content, if there is any. The MD5 of '' equals none, so the first of two writers wins.
      const casMd5 = md5(before);
      const names = { dataId, group, tenant: this.#tenant };
      try {
        const body = { ...names, content, casMd5, additionMap: {} };
        await this.#session.request('ConfigPublishRequest', body);
        return;
      } catch (error) {
        const isOutrun = error instanceof NacosError && error.code === SERVER_ERROR;
        if (!isOutrun || this.#clock.nowMs() - startedMs >= EDIT_MS) throw error;
      }
      // Nacos reads from a copy of its store, which knows of a write a little later.
      const delayMs = Math.min(EDIT_PAUSE_MS * attempt, MAX_EDIT_PAUSE_MS) * (0.5 + this.#random());
      await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
    }
  }

  /** Calls `listener` with the content, now and after each change, until the function returned is called. */
  async follow(dataId: string, group: string, listener: Listener): Promise<() => void> {
    const key = keyOf(dataId, group);
    const followed = this.#followed.get(key) ?? this.#make(key, dataId, group);
    this.#followed.set(key, followed);
    const leave = await followed.subscription.join(listener);
    if (followed.content !== undefined) listener(followed.content);
    this.#planCheck();
    return leave;
  }

  #make(key: string, dataId: string, group: string): Followed {
    const subscription = new Subscription<Listener>({
      begin: () => this.#read(followed),
      end: async () => {
        followed.timer?.cancel();
        followed.timer = undefined;
        if (this.#session.error === undefined) await this.#listen(false, followed);
        followed.content = undefined;
      },
      onOver: () => {
        this.#followed.delete(key);
        if (this.#followed.size === 0) this.#timer?.cancel();
      },
    });
    const fresh = { content: undefined, isDue: false, pauseMs: FIRST_PAUSE_MS, timer: undefined };
    const followed: Followed = { dataId, group, subscription, ...fresh };
    return followed;
  }

  /** Reads the config as soon as possible; requests until then share one read. */
  async #look(followed: Followed): Promise<void> {
    if (followed.isDue) return;
    followed.isDue = true;
    const read = () => {
      followed.isDue = false;
      return this.#read(followed);
    };
    await followed.subscription.queue(read).catch(() => this.#lookLater(followed));
  }

  #lookLater(followed: Followed): void {
    if (followed.timer !== undefined || followed.subscription.listeners.size === 0) return;
    if (this.#session.error !== undefined) return;
    followed.timer = this.#clock.after(followed.pauseMs, () => {
      followed.timer = undefined;
      void this.#look(followed);
    });
    followed.pauseMs = Math.min(followed.pauseMs * 2, CHECK_MS);
  }

  /** Reads the config, and later again until Nacos agrees that the content is the newest; Nacos then pushes the next change, once. */
  async #read(followed: Followed): Promise<void> {
    const { listeners } = followed.subscription;
    if (listeners.size === 0) return;
    const content = await this.read(followed.dataId, followed.group);
    if (content !== followed.content) {
      followed.content = content;
      for (const listener of listeners) listener(content);
    }
    const { changedConfigs } = await this.#listen(true, followed);
    if (Array.isArray(changedConfigs) && changedConfigs.length > 0) return this.#lookLater(followed);
    followed.timer?.cancel();
    followed.timer = undefined;
    followed.pauseMs = FIRST_PAUSE_MS;
  }

  #listen(listen: boolean, { dataId, group, content = '' }: Followed) {
    const context = { dataId, group, tenant: this.#tenant, md5: content === '' ? '' : md5(content) };
    return this.#session.request('ConfigBatchListenRequest', { listen, configListenContexts: [context] });
  }

  #planCheck(): void {
    this.#timer?.cancel();
    if (this.#session.error !== undefined || this.#followed.size === 0) return;
    this.#timer = this.#clock.after(CHECK_MS, () => {
      const looks = [...this.#followed.values()].map((followed) => this.#look(followed));
      void Promise.all(looks).then(() => this.#planCheck());
    });
  }
}

const keyOf = (dataId: string, group: string) => `${group}@@${dataId}`;
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
