// Runs commands, and says of one that failed what it printed.
import { spawn } from 'node:child_process';

/** What the command printed. Rejects with all of its output when it fails, or runs longer than `limitMs`. */
export function run(command, args, { limitMs = 300_000, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let out = '';
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
      all += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      all += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ${args.join(' ')}\n${all}\nended with ${code ?? signal}`));
    });
  });
}

/** Runs named functions, `atOnce` at a time, all of them whatever fails; returns the names of those that failed. */
export async function runAll(jobs, atOnce) {
  const left = [...jobs];
  const failed = [];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [name, job] = next;
      const startedMs = performance.now();
      try {
        await job();
        console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${name}`);
      } catch (error) {
        failed.push(name);
        console.error(`FAILED  ${name}\n${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return failed;
}
