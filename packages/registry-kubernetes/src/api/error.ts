import { isObject } from '../slices/read.ts';

/** A request to the API server that failed, in words that say what to do. No credential is part of it. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** HTTP status, or the code of a Status in a watch; undefined when no answer came. */
  readonly status: number | undefined;
  /** How long the server asked the client to wait. */
  readonly retryAfterMs: number | undefined;
  /** Whether no server answered. Then asking again soon burdens no server. */
  unreachable = false;
  constructor(message: string, status?: number, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An answer, or a silence, after which changes may have been missed: the service must be listed again. */
export class BrokenAnswer extends KubernetesError {}

/** A watch that stayed open without a single line, bookmarks included. */
export class SilentWatch extends BrokenAnswer {}

/** The request, for the error message. */
export interface Asked {
  readonly verb: 'list' | 'watch';
  /** `endpointslices.discovery.k8s.io` */
  readonly resource: string;
  readonly namespace: string;
  /** `https://10.0.0.1:443` */
  readonly server: string;
  /** Where the credentials came from, such as a file name. */
  readonly source: string;
  /** Secrets that a server's message may repeat and that the error must not show. */
  readonly secret: string | undefined;
}

const MAX_MESSAGE = 300;

/** The API server's message, made fit for one line of a log: it comes from the network and may repeat what we sent. */
function statusMessage(body: unknown, secret = ''): string {
  const said = isObject(body) && typeof body.message === 'string' ? body.message : '';
  const message = secret === '' ? said : said.replaceAll(secret, '<token>');
  const clean = message.replace(/[\p{C}\s]+/gu, ' ').trim();
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}...` : clean;
}

/** The error for an answer that is not the one asked for. */
export function statusError(
  asked: Asked,
  status: number,
  body: unknown,
  retryAfter?: string,
): KubernetesError {
  const said = statusMessage(body, asked.secret);
  const quoted = said === '' ? '' : ` (${said})`;
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter !== undefined && seconds >= 0 ? seconds * 1000 : undefined;
  return new KubernetesError(explain(asked, status, quoted), status, retryAfterMs);
}

function explain(
  { verb, resource, namespace, server, source }: Asked,
  status: number,
  quoted: string,
): string {
  const what = `${verb} ${resource} in namespace ${namespace}`;
  switch (status) {
    case 401:
      return `the API server ${server} did not accept the credentials from ${source}: 401 Unauthorized; they are wrong, expired, or for another cluster`;
    case 403:
      // An API server that knows none of the given credentials may treat the request as anonymous instead of answering 401.
      if (quoted.includes('User "system:anonymous"')) {
        return `the API server ${server} took none of the credentials from ${source}, and allows nobody to ${what}: give it a token, a client certificate or an exec plugin (user names with passwords are from before Kubernetes 1.19)`;
      }
      return `not allowed to ${what}: bind a Role with the verbs list and watch on ${resource} in that namespace to this account, or correct the namespace${quoted}`;
    case 404:
      return `the API server ${server} has no ${resource}: 404${quoted}`;
    case 410:
      return `${what}: the resource version is too old${quoted}`;
    case 429:
      return `${what}: the API server ${server} is overloaded: 429${quoted}`;
    default:
      return `${what}: the API server ${server} answered ${status}${quoted}`;
  }
}

/** Node's and OpenSSL's codes for a server certificate that is not the one to trust. */
const CERTIFICATE_HINTS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by the configured CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not signed by the configured CA',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by the configured CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by the configured CA',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by the configured CA',
  CERT_HAS_EXPIRED: "its certificate has expired, or this machine's clock is wrong",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: this machine's clock is probably behind",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; set tls-server-name if that is right',
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOTFOUND: 'its name does not resolve (ENOTFOUND)',
  EAI_AGAIN: 'its name does not resolve now (EAI_AGAIN)',
  ECONNRESET: 'the connection was cut (ECONNRESET)',
  ETIMEDOUT: 'what is sent to it is lost (ETIMEDOUT): is it down, or cut off by a firewall?',
  EHOSTUNREACH: 'no way leads there (EHOSTUNREACH)',
  ENETUNREACH: 'no way leads there (ENETUNREACH)',
};

/** An error for a server that says nothing. */
export function unreachable(message: string): KubernetesError {
  const error = new KubernetesError(message);
  error.unreachable = true;
  return error;
}

/** The error for certificates or keys that OpenSSL cannot read, before anything is sent. Undefined for any other error. */
export function credentialsError(source: string, error: unknown): KubernetesError | undefined {
  const { code = '' } = error as { readonly code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('ERR_OSSL_')) return undefined;
  return new KubernetesError(
    `${source}: the CA, the certificate or the key that belongs to it is no PEM that can be used (${code})`,
  );
}

/** The error for a request that got no answer, or whose answer broke off. */
export function connectionError(server: string, error: unknown): KubernetesError {
  if (error instanceof KubernetesError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const why = CERTIFICATE_HINTS[code] ?? (code === '' ? (error as Error).message : code);
  return unreachable(`no answer from the API server ${server}: ${why}`);
}
