import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { boolean, checkKeys, InvalidInput, NOT_SHOWN, string } from '@podwire/core';
import { type TlsOptions, tlsFromFiles } from '@podwire/http2';
import type { TlsConfig } from './channel-options.ts';

/** The checked option `tls`. */
export interface TlsSettings {
  readonly serverName: string | undefined;
  /** The fields as the user gave them. */
  readonly given: Pick<TlsConfig, 'secureContext' | 'checkServerIdentity' | 'rejectUnauthorized'>;
  /** The options of one connection. Files that changed are read again; while none did, the result is the same object. */
  options(serverName: string): TlsOptions;
}

/** The keys that make a secure context, and so must not be given together with one. */
const MATERIAL = ['ca', 'cert', 'key', 'caFile', 'certFile', 'keyFile'];
const KEYS = [...MATERIAL, 'serverName', 'rejectUnauthorized', 'secureContext', 'checkServerIdentity'];

/** Checks the option `tls`; throws `InvalidInput`, never with a key in its text. */
export function parseTls(value: unknown, path: string): TlsSettings | undefined {
  if (value === undefined || value === false) return undefined;
  const tls = checkKeys(value === true ? {} : value, KEYS, path);
  const serverName = string(tls.serverName, `${path}.serverName`);
  const rejectUnauthorized = boolean(tls.rejectUnauthorized, `${path}.rejectUnauthorized`, true);
  const secureContext = parseSecureContext(tls, path);
  const checkServerIdentity = parseCheck(tls.checkServerIdentity, `${path}.checkServerIdentity`);
  const given = { ca: pem(tls, 'ca', path), cert: pem(tls, 'cert', path), key: pem(tls, 'key', path) };
  const files = filesOf(tls, path);
  if (
    (given.cert === undefined && files.certFile === undefined) !==
    (given.key === undefined && files.keyFile === undefined)
  ) {
    throw new InvalidInput(path, Object.keys(tls), 'must name a certificate and its key together');
  }
  checkCertificates(given.ca, `${path}.ca`);
  checkCertificates(given.cert, `${path}.cert`);
  const fromFiles = openFiles(files, path);
  checkPair({ ...given, ...fromFiles() }, path);
  let read: ReturnType<typeof fromFiles> | undefined;
  let last: TlsOptions | undefined;
  return {
    serverName,
    given: tls,
    options: (name) => {
      const now = fromFiles();
      const wanted = serverName ?? name;
      if (last?.serverName === wanted && read === now) return last;
      read = now;
      last = {
        ...(given.ca !== undefined && { ca: given.ca }),
        ...(given.cert !== undefined && { cert: given.cert }),
        ...(given.key !== undefined && { key: given.key }),
        ...now,
        ...(secureContext && { secureContext }),
        ...(checkServerIdentity && { checkServerIdentity }),
        serverName: wanted,
        rejectUnauthorized,
      };
      return last;
    },
  };
}

function parseSecureContext(tls: Record<string, unknown>, path: string): TlsConfig['secureContext'] {
  const { secureContext } = tls;
  if (secureContext === undefined) return undefined;
  // node:tls has no class for a secure context. This is the handle that its sockets use.
  if (typeof (secureContext as { context?: unknown } | null)?.context !== 'object')
    throw new InvalidInput(
      `${path}.secureContext`,
      NOT_SHOWN,
      'must be what tls.createSecureContext returns',
    );
  const other = MATERIAL.find((key) => tls[key] !== undefined);
  if (other !== undefined)
    throw new InvalidInput(
      `${path}.${other}`,
      NOT_SHOWN,
      'does not go with secureContext, which has its own',
    );
  return secureContext as TlsConfig['secureContext'];
}

function parseCheck(value: unknown, path: string): TlsConfig['checkServerIdentity'] {
  if (value === undefined || typeof value === 'function') return value as TlsConfig['checkServerIdentity'];
  throw new InvalidInput(path, value, 'must be a function of name and certificate');
}

function pem(tls: Record<string, unknown>, key: string, path: string): string | Buffer | undefined {
  const value = tls[key];
  if (value === undefined || typeof value === 'string' || Buffer.isBuffer(value)) return value;
  throw new InvalidInput(`${path}.${key}`, typeof value, 'must be PEM text or a Buffer');
}

/** Checks authorities, because Node accepts any text for them and then trusts no server. */
function checkCertificates(given: string | Buffer | undefined, path: string): void {
  if (given === undefined) return;
  try {
    new X509Certificate(given);
  } catch (error) {
    throw new InvalidInput(path, 'what was given', `is no PEM certificate: ${(error as Error).message}`);
  }
}

function checkPair(
  { cert, key }: { cert?: TlsOptions['cert'] | undefined; key?: TlsOptions['key'] | undefined },
  path: string,
): void {
  if (cert === undefined || key === undefined) return;
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key);
  } catch (error) {
    throw new InvalidInput(`${path}.key`, NOT_SHOWN, `is no PEM key: ${(error as Error).message}`);
  }
  if (!new X509Certificate(cert).checkPrivateKey(privateKey))
    throw new InvalidInput(`${path}.key`, NOT_SHOWN, 'is not the key of the certificate');
}

function filesOf(
  tls: Record<string, unknown>,
  path: string,
): { caFile?: string; certFile?: string; keyFile?: string } {
  const files: { caFile?: string; certFile?: string; keyFile?: string } = {};
  for (const key of ['caFile', 'certFile', 'keyFile'] as const) {
    const file = string(tls[key], `${path}.${key}`);
    if (file !== undefined) files[key] = file;
  }
  return files;
}

function openFiles(files: object, path: string): ReturnType<typeof tlsFromFiles> {
  try {
    return tlsFromFiles(files);
  } catch (error) {
    throw new InvalidInput(path, Object.values(files), `cannot be read: ${(error as Error).message}`);
  }
}

/** Adds grpc-js's server name to TLS options. Without TLS it has no effect. */
export function withServerName(tls: unknown, serverName: string | undefined): unknown {
  if (serverName === undefined || tls === undefined || tls === false) return tls;
  return tls === true ? { serverName } : typeof tls === 'object' ? { serverName, ...tls } : tls;
}
