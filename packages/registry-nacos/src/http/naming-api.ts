import { AsyncLocalStorage } from 'node:async_hooks';
import { show } from '@podwire/core';
import type { NacosNamingClient } from 'nacos';
import type { Instance } from '../announce/publisher.ts';
import { CLIENT_ERROR, NacosError } from '../error.ts';
import { Login } from '../login/login.ts';
import { type HttpAnswer, type HttpRequest, sendHttp, WANTS_TLS, wantsTls } from '../login/send-http.ts';
import type { ServiceInfo } from '../naming/naming.ts';
import type { Settings } from '../options.ts';
import type { Server } from '../server.ts';
import type { ServiceRef } from '../service-ref.ts';
import { type LoadPackage, openPackage } from './package.ts';

/** The context path that the package assumes. */
const PACKAGE_PATH = '/nacos';
const BEAT_PATH = '/v1/ns/instance/beat';
/** The longest list: 100 000 instances with a few metadata each. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** Nacos pushes to clients that it knows; podwire speaks as the package does. */
const HEADERS = { 'user-agent': 'Nacos-Java-Client:v1.0.0', 'client-version': 'Nacos-Java-Client:v1.0.0' };
/** The parameters that requests may carry. The package would add a username and password, and cloud credentials of the environment. */
const PARAMETERS = new Set(
  'namespaceId,serviceName,groupName,clusterName,ip,port,weight,enable,healthy,ephemeral,metadata,clusters,udpPort,clientIP,healthyOnly'.split(
    ',',
  ),
);
/** Nacos has no such instance (`NamingResponseCode.RESOURCE_NOT_FOUND`): it restarted, or a heartbeat came too late. */
const NOT_FOUND = 20_404;

/** The address to which Nacos pushes. */
export interface PushAddress {
  readonly ip: string;
  readonly port: number;
}

/** One call of the package, with the answer of each server that it tried: the package itself does not report them. */
interface Call {
  readonly what: string;
  readonly isIdle: boolean;
  readonly push?: PushAddress | undefined;
  readonly failures: NacosError[];
  answer?: HttpAnswer;
}

/** Nacos's HTTP v1 interface to one namespace. All methods reject with {@link NacosError}, which holds no secret. */
export class NamingApi {
  readonly #settings: Settings;
  readonly #namespace: string;
  readonly #login: Login;
  readonly #load: LoadPackage;
  readonly #calls = new AsyncLocalStorage<Call>();
  /** Servers by the host of a URL, in which port 80 is left out. */
  readonly #servers: ReadonlyMap<string, Server>;
  #client: Promise<NacosNamingClient> | undefined;

  constructor(settings: Settings, namespace: string, load: LoadPackage) {
    this.#settings = settings;
    this.#namespace = namespace;
    this.#login = new Login(settings);
    this.#load = load;
    this.#servers = new Map(
      settings.servers.map((server) => [new URL(`http://${addressOf(server)}`).host, server]),
    );
  }

  /** The list of one service in all clusters, unchecked, and the address it was asked from. */
  async list(
    ref: ServiceRef,
    push: PushAddress | undefined,
  ): Promise<{ info: ServiceInfo; localAddress: string | undefined }> {
    // '' asks for all clusters; without it, the package's `subscribe` takes 'DEFAULT'.
    const list = (client: NacosNamingClient) => client.getAllInstances(ref.name, ref.group, '', false);
    const { body, localAddress } = await this.#call({ what: 'a list', isIdle: true, push }, list);
    return { info: readObject(body), localAddress };
  }

  /** Registers an instance, or changes it. */
  async register(ref: ServiceRef, instance: Instance): Promise<void> {
    // The package turns a weight of 0 into 1, but passes a string on unchanged.
    const given = { ...instance, weight: String(instance.weight) };
    await this.#call({ what: 'a registration', isIdle: false }, (client) =>
      client.registerInstance(ref.name, given as never, ref.group),
    );
  }

  async deregister(ref: ServiceRef, instance: Instance): Promise<void> {
    await this.#call({ what: 'a deregistration', isIdle: false }, (client) =>
      client.deregisterInstance(ref.name, instance as never, ref.group),
    );
  }

  /**
   * Keeps an instance alive, and tells whether Nacos has lost it. The package's own heartbeats would register a lost instance as
   * enabled.
   */
  async beat(ref: ServiceRef, instance: Instance): Promise<{ isKnown: boolean; intervalMs: unknown }> {
    const call: Call = { what: 'a heartbeat', isIdle: true, failures: [] };
    const { servers, random } = this.#settings;
    const first = Math.floor(random() * servers.length);
    const parameters = {
      namespaceId: this.#namespace,
      serviceName: `${ref.group}@@${ref.name}`,
      clusterName: instance.clusterName,
      ip: instance.ip,
      port: instance.port,
    };
    for (let i = 0; i < servers.length; i++) {
      const server = servers[(first + i) % servers.length]!;
      try {
        const { body } = await this.#send(call, 'PUT', server, BEAT_PATH, parameters);
        const { code, clientBeatInterval } = readObject(body);
        return { isKnown: code !== NOT_FOUND, intervalMs: clientBeatInterval };
      } catch {
        // The call's failures include this error.
      }
    }
    throw failureOf(call);
  }

  async #call(
    of: Omit<Call, 'failures' | 'answer'>,
    use: (client: NacosNamingClient) => Promise<unknown>,
  ): Promise<HttpAnswer> {
    const call: Call = { ...of, failures: [] };
    this.#client ??= this.#open();
    const client = await this.#client;
    try {
      await this.#calls.run(call, () => use(client));
    } catch (error) {
      // The package's error says only that all servers were tried; the call has the reasons.
      if (call.failures.length === 0)
        throw new NacosError(`${of.what} cannot be made: ${(error as Error).message}`, CLIENT_ERROR);
    }
    if (call.answer === undefined) throw failureOf(call);
    return call.answer;
  }

  async #open(): Promise<NacosNamingClient> {
    const { servers, requestTimeoutMs, clock } = this.#settings;
    try {
      return await openPackage(
        {
          serverList: servers.map(addressOf),
          namespace: this.#namespace,
          timeoutMs: requestTimeoutMs,
          clock,
          httpclient: { request: (url, { method, data }) => this.#answer(new URL(url), method, data) },
        },
        this.#load,
      );
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }

  /** Answers a request of the package. The package never sees the list itself: it ignores empty lists and would keep the previous one. */
  async #answer(url: URL, method: string, parameters: Readonly<Record<string, unknown>>) {
    const call = this.#calls.getStore();
    if (call === undefined)
      throw new NacosError('the package nacos asks for something by itself', CLIENT_ERROR);
    const last = call.failures.at(-1);
    // Another server would refuse the same password, and count it as one more wrong try.
    if (last?.code === 403) throw last;
    const path = url.pathname.slice(PACKAGE_PATH.length);
    const { push } = call;
    const more = push === undefined ? {} : { udpPort: push.port, clientIP: push.ip };
    const given = { ...parameters, ...more };
    const server = this.#servers.get(url.host);
    if (server === undefined) throw new NacosError(`the package nacos asks ${show(url.host)}`, CLIENT_ERROR);
    call.answer = await this.#send(call, method as HttpRequest['method'], server, path, given);
    return { status: method === 'GET' ? 304 : 200, data: '' };
  }

  async #send(
    call: Call,
    method: HttpRequest['method'],
    server: Server,
    path: string,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<HttpAnswer> {
    const { requestTimeoutMs: timeoutMs } = this.#settings;
    const { httpTls: tls, httpUrl } = server;
    const url = new URL(httpUrl + path);
    for (const [name, value] of Object.entries(parameters)) {
      if (PARAMETERS.has(name) && value !== undefined) url.searchParams.set(name, String(value));
    }
    try {
      for (let renew = false; ; renew = true) {
        const token = await this.#login.token(renew);
        const headers = { ...HEADERS, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
        const { isIdle } = call;
        const more = { timeoutMs, tls, isIdle, maxBodyBytes: MAX_LIST_BYTES };
        const answer = await sendHttp({ method, url, headers, ...more }).catch((error: Error) => {
          throw new NacosError(`${addressOf(server)}: ${error.message}`);
        });
        if (answer.status === 200) return answer;
        const isRefused = answer.status === 401 || answer.status === 403;
        if (isRefused && token !== undefined && !renew) continue;
        throw refusal(call.what, server, answer, token);
      }
    } catch (error) {
      call.failures.push(error as NacosError);
      throw error;
    }
  }
}

function addressOf({ hostText, port }: Server): string {
  return `${hostText}:${port}`;
}

function refusal(what: string, server: Server, { status, body }: HttpAnswer, token?: string): NacosError {
  const said = token === undefined ? body : body.replaceAll(token, '***');
  const advice: Record<number, string> = {
    401: '; give nacos() a username and password that may use this namespace and group',
    403: '; give nacos() a username and password that may use this namespace and group',
    404: '; check options.contextPath, or whether this server still has HTTP v1: those since 2.0 have gRPC',
    410: "; HTTP v1 is turned off there: use protocol 'grpc', or set nacos.core.api.compatibility.client.enabled=true on the server",
  };
  const toTls = server.httpTls === undefined && wantsTls(status, body) ? `; ${WANTS_TLS}` : undefined;
  const text = `Nacos at ${addressOf(server)} refused ${what} (HTTP ${status}: ${show(said)})${toTls ?? advice[status] ?? ''}`;
  return new NacosError(text, status === 401 ? 403 : status);
}

/** The error for a call that no server answered. */
function failureOf({ failures }: Call): NacosError {
  const refused = failures.find(({ unreachable }) => !unreachable);
  if (refused !== undefined) return refused;
  const reasons = failures.map(({ message }) => message).join('; ');
  return new NacosError(
    `no Nacos server can be reached over HTTP: ${reasons}; check options.servers, and that this port is open`,
  );
}

function readObject(body: string): ServiceInfo {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value as ServiceInfo;
  } catch {
    // The reasons are told below.
  }
  throw new NacosError(`Nacos answered ${show(body)}, which is no JSON object`, CLIENT_ERROR);
}
