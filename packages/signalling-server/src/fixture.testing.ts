/** Servers and peers for the tests of a file, which are gone after each of them. */
import { afterEach } from 'vitest';
import type { SignallingServerOptions } from './options.ts';
import { SignallingServer } from './server.ts';
import { RawClient, TestClient } from './test-client.testing.ts';

export interface Fixture {
  readonly cleanups: (() => unknown)[];
  listen(options?: SignallingServerOptions): Promise<SignallingServer>;
  open(server: SignallingServer, ...roles: string[]): Promise<TestClient>;
  openRaw(server: SignallingServer): Promise<RawClient>;
}

export function useServers(): Fixture {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  return {
    cleanups,
    async listen(options = {}) {
      const server = await SignallingServer.listen({ port: 0, ...options });
      cleanups.push(() => server.close());
      return server;
    },
    async open(server, ...roles) {
      const client = await TestClient.open(server.urls[0]!, roles.length > 0 ? { roles } : undefined);
      cleanups.push(() => client.socket.terminate());
      return client;
    },
    async openRaw(server) {
      const client = await RawClient.open(server.port);
      cleanups.push(() => client.tcp.destroy());
      return client;
    },
  };
}
