import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { TlsOptions } from '@podwire/http2';

/** Bytes of a login's answer. */
const MAX_BODY_BYTES = 64 * 1024;

/** Posts a form; secrets go in the body, never in the URL, which servers and proxies log. */
export function postForm(
  url: URL,
  form: Readonly<Record<string, string>>,
  timeoutMs: number,
  tls: TlsOptions | undefined,
): Promise<{ readonly status: number; readonly body: string }> {
  const body = new URLSearchParams(form).toString();
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
  };
  const options = { method: 'POST', headers, agent: false, signal: AbortSignal.timeout(timeoutMs) } as const;
  return new Promise((resolve, reject) => {
    const { serverName, ca, ...rest } = tls ?? { serverName: '' };
    const secure = {
      ...rest,
      servername: serverName,
      ...(ca === undefined ? {} : { ca: [ca].flat() as string[] }),
    };
    const sent = tls === undefined ? httpRequest(url, options) : httpsRequest(url, { ...secure, ...options });
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_BODY_BYTES) response.destroy(new Error('the answer is too long'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on('error', reject);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // Nacos 2.3 answers a wrong password with `HTTP/1.1 0`, which is no HTTP.
      if (error.code === 'HPE_INVALID_STATUS') resolve({ status: 403, body: '' });
      else reject(error);
    });
    sent.end(body);
  });
}
