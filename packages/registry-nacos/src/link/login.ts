import { NacosError } from '../error.ts';
import type { Settings } from '../options.ts';
import { sendHttp } from './send-http.ts';

/** The login of 2.x, which 3.x may have removed (404), turned off (410) or broken (500), and that of 3.x. */
const PATHS = ['/v1/auth/login', '/v3/auth/user/login'];
/** A token is renewed when this share of its life is left, as Nacos's own clients do. */
const RENEW_SHARE = 0.1;

interface Token {
  readonly value: string;
  readonly renewAtMs: number;
}

/** Keeps a token for the requests, and logs in again before it expires or when Nacos refuses it. */
export class Login {
  readonly #settings: Settings;
  #token: Token | undefined;
  #loggingIn: Promise<Token> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The headers for a request; empty without a username. Rejects with {@link NacosError}, which holds no secret. */
  async headers(renew: boolean): Promise<Readonly<Record<string, string>>> {
    const accessToken = await this.token(renew);
    return accessToken === undefined ? {} : { accessToken };
  }

  /** The same token by itself. */
  async token(renew: boolean): Promise<string | undefined> {
    if (this.#settings.username === undefined) return undefined;
    const stale = renew || this.#token === undefined || this.#settings.clock.nowMs() >= this.#token.renewAtMs;
    if (stale) {
      this.#loggingIn ??= this.#logIn().finally(() => {
        this.#loggingIn = undefined;
      });
      this.#token = await this.#loggingIn;
    }
    return this.#token!.value;
  }

  async #logIn(): Promise<Token> {
    const failures: string[] = [];
    for (const server of this.#settings.servers) {
      try {
        return await this.#logInAt(`${server.hostText}:${server.port}`);
      } catch (error) {
        // Another server would refuse the same password, and count it as one more wrong try.
        if (error instanceof NacosError && error.code === 403) throw error;
        failures.push((error as Error).message);
      }
    }
    throw new NacosError(
      `no Nacos server took the login: ${failures.join('; ')}; a login goes over HTTP: check that its port is open`,
    );
  }

  async #logInAt(server: string): Promise<Token> {
    const { username = '', password = '', contextPath, requestTimeoutMs, tls, clock } = this.#settings;
    const base = `${tls === undefined ? 'http' : 'https'}://${server}${contextPath}`;
    let broken = false;
    for (const path of PATHS) {
      const { status, body } = await sendHttp({
        method: 'POST',
        url: new URL(base + path),
        form: { username, password },
        timeoutMs: requestTimeoutMs,
        tls,
      }).catch((error: NodeJS.ErrnoException) => {
        throw new NacosError(`login at ${server}: ${error.code ?? error.name}`);
      });
      broken ||= status === 500;
      if (status === 404 || status === 410 || status === 500) continue;
      if (status === 401 || status === 403) {
        const message = `Nacos at ${server} refused the login of user '${username}' (HTTP ${status}): check username and password`;
        throw new NacosError(message, 403);
      }
      const token = status === 200 ? readToken(body) : undefined;
      if (token === undefined) throw new NacosError(`login at ${server}: unexpected answer (HTTP ${status})`);
      return { value: token.value, renewAtMs: clock.nowMs() + token.ttlMs * (1 - RENEW_SHARE) };
    }
    if (broken) {
      const message = `Nacos at ${server} failed the login of user '${username}' (HTTP 500, as 3.x answers a wrong password): check username and password`;
      throw new NacosError(message, 403);
    }
    throw new NacosError(
      `login at ${server}: no login is found under ${contextPath}; check options.contextPath`,
    );
  }
}

/** 2.x answers `{ accessToken, tokenTtl }`; 3.x may put it under `data`. TTL in seconds. */
function readToken(body: string): { value: string; ttlMs: number } | undefined {
  try {
    const answer = JSON.parse(body) as Record<string, unknown>;
    const { accessToken, tokenTtl } = (answer.accessToken === undefined ? answer.data : answer) as Record<
      string,
      unknown
    >;
    if (typeof accessToken !== 'string') return undefined;
    return {
      value: accessToken,
      ttlMs: typeof tokenTtl === 'number' && tokenTtl > 0 ? tokenTtl * 1000 : 60_000,
    };
  } catch {
    return undefined;
  }
}
