// One Pod, a process: a gRPC server on bare node:http2, so that it can do wrong what servers do wrong. It writes each call that its
// application sees to a file, which outlives a SIGKILL: node pod.mjs '<JSON>'
import { openSync, readFileSync, writeSync } from 'node:fs';
import http2 from 'node:http2';
import { nowMs } from '../time.mjs';
import { serveHealth, setHealth } from './health.mjs';

const { host, port, log, tls, settings, rules: first } = JSON.parse(process.argv[2]);
const file = openSync(log, 'a');
const write = (...fields) => writeSync(file, `${fields.join(' ')}\n`);

/**
 * What becomes of a call, by the first rule of its method, else of `*`:
 * `delayMs`, `workers` (so many calls at once, the others queue; `abandon` drops those that the client gave up), `hang`,
 * `fail` (a gRPC status) for `share` of the calls, `reset` and `refuse` (HTTP/2 codes), `trailers`, `die`, `pushbackMs`.
 */
let rules = { '*': { delayMs: 5 }, ...first };
const UNIMPLEMENTED = 12;
const sessions = new Set();
let working = 0;
const queue = [];

function answer(stream, status, { trailers = {} } = {}, message = undefined) {
  if (stream.destroyed) return 'gone';
  const end = { 'grpc-status': String(status), ...trailers };
  if (message === undefined)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...end }, { endStream: true });
  else {
    stream.once('wantTrailers', () => stream.sendTrailers(end));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.end(message);
  }
  return String(status);
}

/** Runs the work when a worker is free, first come, first served. */
function work(rule, stream, done) {
  const { workers = Number.POSITIVE_INFINITY, delayMs = 5 } = rule;
  const run = () => {
    if (rule.abandon && stream.destroyed) return next();
    working += 1;
    setTimeout(() => {
      working -= 1;
      done();
      next();
    }, delayMs);
  };
  const next = () => queue.shift()?.();
  if (working < workers) run();
  else queue.push(run);
}

const reply = Buffer.alloc(105);
reply.writeUInt32BE(100, 1);

function serve(stream, headers) {
  stream.on('error', () => {});
  const method = headers[':path'];
  if (serveHealth(stream, method)) return;
  if (!method.startsWith('/promises.Fleet/')) {
    answer(stream, UNIMPLEMENTED);
    return;
  }
  const id = headers['call-id'] ?? '-';
  const rule = rules[method.split('/').at(-1)] ?? rules['*'];
  if (rule.refuse) {
    write('r', id, nowMs());
    stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    return;
  }
  write('b', id, nowMs());
  stream.resume();
  if (headers['call-kills'] !== undefined) process.kill(process.pid, 'SIGKILL');
  const ended = (outcome) => write('e', id, nowMs(), outcome);
  if (rule.hang) {
    stream.once('close', () => ended('hung'));
    return;
  }
  const fails = rule.share === undefined || Math.random() < rule.share;
  if (rule.reset !== undefined && fails) {
    stream.close(rule.reset);
    ended('reset');
  } else if (rule.fail !== undefined && fails) {
    ended(answer(stream, rule.fail, rule));
  } else work(rule, stream, () => ended(answer(stream, 0, rule, reply)));
}

const pem = (name) => readFileSync(new URL(`../../certs/${name}`, import.meta.url));
const options = { settings, maxSessionRejectedStreams: 1_000_000 };
const server = tls
  ? http2.createSecureServer({ ...options, cert: pem('server-one.pem'), key: pem('server-one.key') })
  : http2.createServer(options);
server.on('session', (session) => {
  sessions.add(session);
  session.on('error', () => {});
  session.on('ping', () => write('p', '-', nowMs()));
  session.once('close', () => sessions.delete(session));
});
server.on('connection', () => write('c', '-', nowMs()));
server.on('stream', serve);
server.on('error', (error) => {
  throw error;
});

const commands = {
  rules(value) {
    rules = { '*': { delayMs: 5 }, ...value };
  },
  settings(value) {
    for (const session of sessions) session.settings(value);
  },
  /** What it says of itself to those that watch its health. */
  health: (serving) => setHealth(serving),
  /** Ends connections of this age from now on, as servers with a max connection age do. */
  maxAge(ageMs) {
    const end = (session) =>
      setTimeout(() => session.destroyed || session.close(), ageMs * (0.9 + 0.2 * Math.random()));
    for (const session of sessions) end(session);
    server.on('session', end);
  },
};
process.on('message', async ({ id, command, value }) => {
  process.send({ id, value: await commands[command](value) });
});
process.on('disconnect', () => process.exit());
/** A graceful end: GOAWAY, and the calls that are open finish. */
process.on('SIGTERM', () => {
  if (rules.ignoreTerm) return;
  server.close(() => process.exit());
  for (const session of sessions) session.close();
});
server.listen(port, host, () => process.send({ ready: true }));
