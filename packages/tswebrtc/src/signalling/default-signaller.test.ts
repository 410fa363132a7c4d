import { SignallingServer } from '@tswebrtc/signalling-server';
import { describe, expect, it } from 'vitest';
import { DefaultSignaller } from './default-signaller.ts';

describe('x', () => {
  it('registers', async () => {
    const server = await SignallingServer.listen({ port: 0 });
    const s = new DefaultSignaller({ uri: server.urls[0]!, role: 'producer' });
    s.on('error', console.error);
    const l = new DefaultSignaller({ uri: server.urls[0]!, role: 'listener' });
    const reg = new Promise<string>((r) => s.on('registered', r));
    const added = new Promise((r) => l.on('producer-added', (...a) => r(a)));
    s.start({ requestMeta: () => ({ a: 1 }) });
    const id = await reg;
    l.start({ requestMeta: () => null });
    expect(await added).toEqual([id, { a: 1 }, false]);
    await s.stop();
    await l.stop();
    await server.close();
  });
});
