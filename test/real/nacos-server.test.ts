import { expect, test } from 'vitest';
import { startNacos } from '../servers/nacos.mjs';

test.each(['2.3', '3.1'] as const)(
  'a Nacos %s server asks for a login, and forgets all when it is wiped',
  {
    timeout: 180_000,
  },
  async (version) => {
    const nacos = await startNacos({ version, auth: true });
    const call = (method: string, query: string) =>
      fetch(`${nacos.url}/v1/ns/instance${query}`, { method, signal: AbortSignal.timeout(10_000) });
    const login = async () => {
      const body = new URLSearchParams({ username: 'nacos', password: 'nacos' });
      const reply = await fetch(`${nacos.url}/v1/auth/login`, { method: 'POST', body });
      return `accessToken=${((await reply.json()) as { accessToken: string }).accessToken}`;
    };
    const ports = async (token: string) => {
      const reply = await call('GET', `/list?serviceName=orders&${token}`);
      return ((await reply.json()) as { hosts: { port: number }[] }).hosts.map(({ port }) => port);
    };
    try {
      expect((await call('GET', '/list?serviceName=orders')).status).toBe(403);
      const token = await login();
      expect(await ports(token)).toEqual([]);
      expect((await call('POST', `?serviceName=orders&ip=127.0.0.1&port=1&${token}`)).status).toBe(200);
      await expect.poll(() => ports(token), { timeout: 10_000 }).toEqual([1]);
      await nacos.stop();
      nacos.wipe();
      await nacos.start();
      expect(await ports(await login())).toEqual([]);
    } finally {
      await nacos.close();
    }
    await expect(fetch(nacos.url)).rejects.toThrow();
  },
);
