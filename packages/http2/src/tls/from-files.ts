import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { TlsOptions } from '../transport.ts';

/** Files in PEM format. A certificate and its key go together. */
export interface TlsFiles {
  /** Path of a PEM file with authorities. */
  readonly caFile?: string;
  /** Path of a PEM file with a certificate and its chain. */
  readonly certFile?: string;
  /** Path of a PEM file with the certificate's private key. */
  readonly keyFile?: string;
}

/**
 * TLS material that follows its files: each new connection uses the files' current content (cert-manager and Kubernetes
 * replace them while the process runs). Material that cannot be used (a half-written file, or a pair of which one file was
 * replaced) is ignored, and the material before it stays in use. `onProblem` is called once for each fault, which would otherwise
 * stay unknown until the old certificate expires. Default: a warning of the process. Throws when the first reading fails.
 */
export function tlsFromFiles(
  files: TlsFiles,
  onProblem: (text: string) => void = warn,
): () => Pick<TlsOptions, 'ca' | 'cert' | 'key'> {
  let told = '';
  let stamp = stampOf(files);
  let current = read(files);
  return () => {
    try {
      const now = stampOf(files);
      if (now !== stamp) {
        current = read(files);
        stamp = now;
      }
      told = '';
    } catch (error) {
      // The files are half replaced, or away for a moment. The next connection reads them again.
      const problem = `TLS goes on with what was read before: ${(error as Error).message}`;
      if (problem !== told) onProblem(problem);
      told = problem;
    }
    return current;
  };
}

function warn(text: string): void {
  process.emitWarning(text, { code: 'PODWIRE_TLS_FILES' });
}

function stampOf(files: TlsFiles): string {
  return [files.caFile, files.certFile, files.keyFile]
    .map((path) => {
      if (path === undefined) return '';
      const { ino, size, mtimeMs } = statSync(path);
      return `${ino}:${size}:${mtimeMs}`;
    })
    .join();
}

function read({ caFile, certFile, keyFile }: TlsFiles): Pick<TlsOptions, 'ca' | 'cert' | 'key'> {
  const ca = caFile === undefined ? undefined : readFileSync(caFile);
  // Node takes any text for authorities, and then trusts no server.
  if (ca !== undefined) certificateIn(ca, caFile!);
  const cert = certFile === undefined ? undefined : readFileSync(certFile);
  const key = keyFile === undefined ? undefined : readFileSync(keyFile);
  if (
    cert !== undefined &&
    key !== undefined &&
    !certificateIn(cert, certFile!).checkPrivateKey(createPrivateKey(key))
  ) {
    throw new Error(`${keyFile} is not the key of the certificate in ${certFile}`);
  }
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function certificateIn(pem: Buffer, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`${path} holds no PEM certificate: ${(error as Error).message}`);
  }
}
