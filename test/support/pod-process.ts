import { fileURLToPath } from 'node:url';
import { healthOf } from '../servers/health.mjs';
import { type Running, startProcess } from '../servers/process.mjs';

const directory = fileURLToPath(new URL('../../examples/kubernetes', import.meta.url));

/** The provider of examples/kubernetes, as a process with the address of a Pod; ready when it is healthy. */
export function startPod(address: string, port = 50_051): Promise<Running> {
  return startProcess({
    name: `the Pod ${address}`,
    command: [process.execPath, 'provider.mjs'],
    cwd: directory,
    env: { LISTEN: `${address}:${port}`, POD_NAME: address },
    ready: () => healthOf(`${address}:${port}`),
  });
}
