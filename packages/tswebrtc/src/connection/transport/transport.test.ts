import { afterEach, describe, expect, it } from 'vitest';
import { PacketArena } from '../../rtp/packet-arena.ts';
import { SendOps } from '../../rtp/send-ops.ts';
import { NodeSrtpSender } from '../srtp/node-srtp-sender.ts';
import { createTransport } from './transport.ts';
import type { Transport } from './types.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

async function makePair(dtls: 'client' | 'server' = 'client') {
  const sender = new NodeSrtpSender();
  const options = { srtpSender: sender, gatherLoopback: true, dataChannels: true };
  const a = await createTransport(options);
  const b = await createTransport(options);
  open.push(a, b, sender);
  return { a, b, sender, dtls };
}
function start({ a, b, dtls }: { a: Transport; b: Transport; dtls: 'client' | 'server' }) {
  a.on('candidate', (c) => void b.addRemoteCandidate(c));
  b.on('candidate', (c) => void a.addRemoteCandidate(c));
  void a.gather();
  void b.gather();
  a.start(b.local, { ice: 'controlling', dtls });
  b.start(a.local, { ice: 'controlled', dtls: dtls === 'client' ? 'server' : 'client' });
}
const connected = (t: Transport) =>
  new Promise<void>((resolve, reject) => {
    t.on('statechange', (s) => (s === 'connected' ? resolve() : s === 'failed' ? reject(new Error('failed')) : undefined));
  });

describe('transport', () => {
  it.each(['client', 'server'] as const)('connects as DTLS %s', async (dtls) => {
    const pair = await makePair(dtls);
    const both = Promise.all([connected(pair.a), connected(pair.b)]);
    start(pair);
    await both;
    const got = new Promise<Uint8Array>((r) => pair.b.on('rtp', (p) => r(Buffer.from(p))));
    const arena = new PacketArena(1 << 16);
    const at = arena.alloc(112);
    arena.bytes.fill(7, at, at + 112);
    arena.bytes[at] = 0x80;
    const ops = new SendOps();
    ops.push(pair.a.lane!, at, 112, 1234, 0, 5, true, 96, 999);
    expect(pair.sender.send(arena, ops)).toBe(1);
    const ch = pair.a.createDataChannel('grüße');
    const remote = await new Promise<any>((r) => pair.b.on('datachannel', r));
    expect(remote.label).toBe('grüße');
    if (ch.readyState !== 'open') await new Promise<void>((r) => ch.on('open', r));
    const m = new Promise((r) => remote.on('message', r));
    await ch.send('hi');
    expect(await m).toBe('hi');
  });
});
