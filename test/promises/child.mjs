// A process that is asked and answers over IPC, and ends with the one that started it.
import { fork } from 'node:child_process';

/**
 * Resolves when the program says that it is ready. `ask(command, value)` resolves to its answer, and rejects when it ends before.
 */
export async function startChild(program, order, { execArgv = [], through = [] } = {}) {
  const [first, ...rest] = [...through, process.execPath, ...execArgv];
  const child = fork(program, [JSON.stringify(order)], {
    execPath: first,
    execArgv: rest,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
    // grpc-js then asks the DNS server that its target names.
    env: { ...process.env, GRPC_NODE_USE_ALTERNATIVE_RESOLVER: 'true' },
  });
  let asked = 0;
  const waiting = new Map();
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const ready = new Promise((resolve) => waiting.set('ready', { resolve }));
  child.on('message', (message) => {
    const id = message.ready ? 'ready' : message.id;
    waiting.get(id)?.resolve(message.value);
    waiting.delete(id);
  });
  const gone = exited.then((how) => {
    throw new Error(`${program} ended with ${how}`);
  });
  gone.catch(() => {});
  await Promise.race([ready, gone]);
  return {
    pid: child.pid,
    exited,
    signal: (signal) => child.kill(signal),
    ask(command, value) {
      const id = ++asked;
      child.send({ id, command, value });
      return Promise.race([new Promise((resolve) => waiting.set(id, { resolve })), gone]);
    },
  };
}
