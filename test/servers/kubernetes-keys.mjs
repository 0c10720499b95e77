// @ts-check
// The keys, certificates, tokens and kubeconfig files of a test control plane, made anew for each.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './build.mjs';

const NAMES = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
const ALT = ['IP:127.0.0.1', 'IP:10.96.0.1', ...NAMES.map((name) => `DNS:${name}`)].join(',');

/** @param {string} server @param {string} caFile @param {object} user */
const kubeconfig = (server, caFile, user) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'test', user }],
  });

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** @param {string} directory */
function writeCa(directory) {
  const files = ['-keyout', join(directory, 'ca.key'), '-out', join(directory, 'ca.crt')];
  const about = ['-subj', '/CN=test-ca', '-addext', 'keyUsage=critical,keyCertSign'];
  run('openssl', ['req', '-x509', '-days', '30', ...NEW_KEY, ...about, ...files]);
}

/** @param {string} directory @param {string} name @param {string} subject @param {string[]} extensions */
function writeSigned(directory, name, subject, extensions) {
  const at = (/** @type {string} */ file) => join(directory, file);
  const added = ['basicConstraints=critical,CA:FALSE', ...extensions].flatMap((line) => ['-addext', line]);
  const request = ['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)];
  run('openssl', ['req', '-new', ...NEW_KEY, '-subj', subject, ...added, ...request]);
  const ca = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-copy_extensions', 'copyall'];
  run('openssl', [
    ...['x509', '-req', '-days', '30', ...ca],
    ...['-in', at(`${name}.csr`), '-out', at(`${name}.crt`)],
  ]);
}

/** A CA, and a certificate of the API server that it signed, in place of those before. @param {string} directory */
export function writeServerKeys(directory) {
  writeCa(directory);
  const extensions = [`subjectAltName=${ALT}`, 'extendedKeyUsage=serverAuth'];
  writeSigned(directory, 'server', '/CN=kube-apiserver', extensions);
}

/** Writes all files to a new folder. @param {string} directory @param {string} url of the API server */
export function writeKeys(directory, url) {
  mkdirSync(directory, { recursive: true });
  const at = (/** @type {string} */ file) => join(directory, file);
  writeServerKeys(directory);
  writeSigned(directory, 'admin', '/O=system:masters/CN=admin', ['extendedKeyUsage=clientAuth']);
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('accounts.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  writeFileSync(at('accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const token = randomBytes(16).toString('hex');
  const controllers = randomBytes(16).toString('hex');
  writeFileSync(
    at('tokens.csv'),
    `${token},admin,admin,"system:masters"\n${controllers},system:kube-controller-manager,controllers\n`,
  );
  writeFileSync(at('admin.kubeconfig'), kubeconfig(url, at('ca.crt'), { token }));
  writeFileSync(at('controllers.kubeconfig'), kubeconfig(url, at('ca.crt'), { token: controllers }));
  return { token };
}
