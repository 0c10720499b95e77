import { NacosError } from '../error.ts';
import type { Settings } from '../options.ts';
import type { Server } from '../server.ts';
import { sendHttp, WANTS_TLS, wantsTls } from './send-http.ts';

/** The login of 2.x, which 3.x may have removed (404), turned off (410) or broken (500), and that of 3.x. */
const PATHS = ['/v1/auth/login', '/v3/auth/user/login'];
/** A token is renewed when this share of its life is left, as Nacos's own clients do. */
const RENEW_SHARE = 0.1;
/** How long to wait after a failed login while there is still a token: servers count wrong attempts, and many requests may ask for one. */
const RETRY_MS = 1_000;

interface Token {
  readonly value: string;
  readonly renewAtMs: number;
}

/**
 * Keeps a token for the requests, and logs in again before it expires or when Nacos refuses it. A token that cannot be renewed
 * is used for as long as Nacos takes it.
 */
export class Login {
  readonly #settings: Settings;
  #token: Token | undefined;
  #loggingIn: Promise<Token> | undefined;
  #failed: { readonly error: unknown; readonly untilMs: number } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /**
   * The headers for a request; empty without a username. `renew`: Nacos refused the last token. Rejects with
   * {@link NacosError}, which holds no secret.
   */
  async headers(renew: boolean): Promise<Readonly<Record<string, string>>> {
    const accessToken = await this.token(renew);
    return accessToken === undefined ? {} : { accessToken };
  }

  /** The token alone. */
  async token(renew: boolean): Promise<string | undefined> {
    if (this.#settings.username === undefined) return undefined;
    const known = this.#token;
    if (!renew && known !== undefined && this.#settings.clock.nowMs() < known.renewAtMs) return known.value;
    try {
      return (await this.#renew()).value;
    } catch (error) {
      if (renew || known === undefined) throw error;
      return known.value;
    }
  }

  async #renew(): Promise<Token> {
    const { clock } = this.#settings;
    if (this.#failed !== undefined && clock.nowMs() < this.#failed.untilMs) throw this.#failed.error;
    this.#loggingIn ??= this.#logIn().finally(() => {
      this.#loggingIn = undefined;
    });
    try {
      this.#token = await this.#loggingIn;
      this.#failed = undefined;
      return this.#token;
    } catch (error) {
      if (this.#token !== undefined) this.#failed = { error, untilMs: clock.nowMs() + RETRY_MS };
      throw error;
    }
  }

  async #logIn(): Promise<Token> {
    const failures: NacosError[] = [];
    for (const server of this.#settings.servers) {
      try {
        return await this.#logInAt(server);
      } catch (error) {
        // Another server would refuse the same password, and count it as one more wrong try.
        if (!(error instanceof NacosError) || error.code === 403) throw error;
        failures.push(error);
      }
    }
    throw new NacosError(
      `no Nacos server took the login: ${failures.map(({ message }) => message).join('; ')}; a login goes over HTTP: check that its port is open`,
      failures.find(({ unreachable }) => !unreachable)?.code,
    );
  }

  async #logInAt({ hostText, port, httpUrl, httpTls }: Server): Promise<Token> {
    const { username = '', password = '', requestTimeoutMs, clock } = this.#settings;
    const server = `${hostText}:${port}`;
    let broken = false;
    for (const path of PATHS) {
      const { status, body } = await sendHttp({
        method: 'POST',
        url: new URL(httpUrl + path),
        form: { username, password },
        timeoutMs: requestTimeoutMs,
        tls: httpTls,
      }).catch((error: Error) => {
        throw new NacosError(`login at ${server}: ${error.message}`);
      });
      broken ||= status === 500;
      if (status === 404 || status === 410 || status === 500) continue;
      if (status === 401 || status === 403) {
        const message = `Nacos at ${server} refused the login of user '${username}' (HTTP ${status}): check username and password`;
        throw new NacosError(message, 403);
      }
      const token = status === 200 ? readToken(body) : undefined;
      if (token === undefined) {
        const advice = httpTls === undefined && wantsTls(status, body) ? `; ${WANTS_TLS}` : '';
        throw new NacosError(`login at ${server}: unexpected answer (HTTP ${status})${advice}`, status);
      }
      return { value: token.value, renewAtMs: clock.nowMs() + token.ttlMs * (1 - RENEW_SHARE) };
    }
    if (broken) {
      const message = `Nacos at ${server} failed the login of user '${username}' (HTTP 500, as 3.x answers a wrong password): check username and password`;
      throw new NacosError(message, 403);
    }
    throw new NacosError(
      `login at ${server}: no login is found under ${new URL(httpUrl).pathname}; check options.contextPath`,
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
