import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type catalogue, directoryOf } from './catalogue.mjs';

/** A real gRPC server of another language. */
export interface RealServer {
  readonly address: string;
  /** Of its certificate; undefined on plaintext. */
  readonly tls: { readonly caFile: string; readonly serverName: string } | undefined;
  stop(): Promise<void>;
}

/** grpc-go's interop server, from the cache; its absence is an error, never a skip. */
export async function startGrpcGoInterop(options: { readonly tls: boolean }): Promise<RealServer> {
  const name: keyof typeof catalogue = 'grpc-go-interop';
  const directory = directoryOf(name);
  if (!existsSync(directory))
    throw new Error(`${name} is not installed: node test/servers/provision.mjs ${name}`);
  const port = await freePort();
  const certs = join(directory, 'certs');
  const tls = ['--use_tls', `--tls_cert_file=${certs}/server1.pem`, `--tls_key_file=${certs}/server1.key`];
  const child = spawn(join(directory, 'server'), [`--port=${port}`, ...(options.tls ? tls : [])], {
    stdio: 'ignore',
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  await listening(child, port);
  return {
    address: `127.0.0.1:${port}`,
    tls: options.tls ? { caFile: join(certs, 'ca.pem'), serverName: 'foo.test.google.fr' } : undefined,
    stop: () =>
      new Promise((resolve) => {
        process.off('exit', kill);
        child.once('exit', () => resolve());
        kill();
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when the port takes connections; rejects when the process ends before. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let ended: number | null | undefined;
  child.once('exit', (code) => {
    ended = code;
  });
  for (;;) {
    if (ended !== undefined) throw new Error(`the server ended with ${ended} before it listened`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
