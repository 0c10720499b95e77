// @ts-check
// Calls of a test API server: requests, and watches for a stand-in that follows objects as a controller does.
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';

/**
 * @typedef {(method: string, path: string, body?: unknown, token?: string) => Promise<{ status: number, body: any }>} ApiRequest
 *   as administrator, or with another token; a PATCH is a merge patch, and text is YAML
 */

/**
 * @typedef {object} Api
 * @property {ApiRequest} request
 * @property {(method: string, path: string, body?: unknown) => Promise<any>} must the body of a 2xx; rejects for another
 * @property {(path: string, onEvent: (event: { type: string, object: any }) => void, signal: AbortSignal) => Promise<void>} watch
 *   resolves when the server or the signal ends it
 */

/** @param {string} url @param {string} caFile @param {string} token @returns {Api} */
export function apiClient(url, caFile, token) {
  /** @param {string} method @param {string} path @param {string} as @param {string} type @param {AbortSignal} [signal] */
  const open = (method, path, as, type, signal) =>
    httpsRequest(url + path, {
      ...{ method, ca: readFileSync(caFile), agent: false, ...(signal && { signal }) },
      headers: { authorization: `Bearer ${as}`, 'content-type': type },
    });

  /** @type {ApiRequest} */
  const request = (method, path, body, as = token) =>
    new Promise((resolve, reject) => {
      const json = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const isText = typeof body === 'string';
      const sent = open(method, path, as, isText ? 'application/yaml' : json);
      sent.once('response', async (reply) => {
        let text = '';
        try {
          for await (const chunk of reply.setEncoding('utf8')) text += chunk;
          const isJson = reply.headers['content-type']?.startsWith('application/json');
          resolve({ status: reply.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
        } catch (error) {
          reject(error);
        }
      });
      sent.once('error', reject);
      const text = isText ? body : JSON.stringify(body ?? null);
      // Node does not say how long the body of a DELETE is.
      if (body !== undefined) sent.setHeader('content-length', Buffer.byteLength(text));
      sent.end(body === undefined ? undefined : text);
    });

  return {
    request,
    async must(method, path, body) {
      const reply = await request(method, path, body);
      if (reply.status < 300) return reply.body;
      throw new Error(`${method} ${path}: ${reply.status} ${reply.body.message ?? reply.body}`);
    },
    watch: (path, onEvent, signal) =>
      new Promise((resolve) => {
        const sent = open('GET', path, token, 'application/json', signal);
        sent.once('error', () => resolve());
        sent.once('response', (reply) => {
          let rest = '';
          reply.setEncoding('utf8').on('data', (text) => {
            const lines = (rest + text).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) onEvent(JSON.parse(line));
          });
          reply.once('error', () => resolve());
          reply.once('close', () => resolve());
        });
        sent.end();
      }),
  };
}
