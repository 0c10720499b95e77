import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { provisioned } from '../servers/cache.mjs';
import { items } from '../servers/items.mjs';

const program = fileURLToPath(new URL('../support/traced-client.mjs', import.meta.url));
const METHODS = ['Get', 'Collect', 'List', 'Chat'].map((name) => `/podwire.test.Orders/${name}`);

test.each(['opentelemetry', 'datadog'])(
  '%s sees the calls of createClient as it sees those of grpc-js',
  async (name) => {
    const preload = pathToFileURL(join(provisioned(items.tracers), `${name}.mjs`)).href;
    const env = {
      ...process.env,
      DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
      DD_REMOTE_CONFIGURATION_ENABLED: 'false',
    };
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', preload, program], { env });
    expect(JSON.parse(stdout)).toEqual({ plain: METHODS, short: METHODS });
  },
);
