import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../common/logger.ts';
import { IceAgent, type IceAgentOptions } from './ice-agent.ts';

const MAGIC_COOKIE = 0x2112a442;

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((free) => free()));
});

/** A STUN server (RFC 8489) that maps everything to 198.51.100.7:4242, or says nothing at all. */
async function stunServer(answers: boolean): Promise<{ url: string; requests: number }> {
  const socket: Socket = createSocket('udp4');
  const server = { url: '', requests: 0 };
  socket.on('message', (request: Buffer, from: RemoteInfo) => {
    server.requests++;
    if (!answers) return;
    const response = Buffer.alloc(32);
    response.writeUInt16BE(0x0101, 0);
    response.writeUInt16BE(12, 2);
    request.copy(response, 4, 4, 20);
    response.writeUInt16BE(0x0020, 20);
    response.writeUInt16BE(8, 22);
    response.writeUInt8(1, 25);
    response.writeUInt16BE(4242 ^ (MAGIC_COOKIE >>> 16), 26);
    response.writeUInt32BE((0xc6336407 ^ MAGIC_COOKIE) >>> 0, 28);
    socket.send(response, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  server.url = `stun:127.0.0.1:${socket.address().port}`;
  cleanUp.push(() => socket.close());
  return server;
}

async function gather(options: Partial<IceAgentOptions>): Promise<string[]> {
  const lines: string[] = [];
  const agent = new IceAgent(
    { gatherLoopback: true, logger: silentLogger, ...options },
    { candidate: (line) => lines.push(line), datagram: () => {}, alive: () => {}, switched: () => {} },
  );
  cleanUp.push(() => agent.close());
  await agent.gather();
  return lines;
}

describe('gathering', () => {
  it('gives host candidates and asks nobody when there are no servers', async () => {
    // The public server that werift would ask is reached by name; a name is looked up, and a request takes a transaction.
    const started = performance.now();
    const lines = await gather({});
    expect(performance.now() - started).toBeLessThan(500);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((line) => / typ host /.test(line))).toBe(true);
    expect(lines.some((line) => line.includes(' 127.0.0.1 '))).toBe(true);
    expect(new Set(lines.map((line) => line.split(' ')[3])).size).toBe(lines.length);
  });

  it('gives a reflexive candidate from a STUN server', async () => {
    const server = await stunServer(true);
    const lines = await gather({ iceServers: [{ urls: server.url }] });
    expect(lines.find((line) => line.includes('srflx'))).toMatch(/ udp \d+ 198\.51\.100\.7 4242 typ srflx raddr \S+ rport \d+/);
  });

  it('turns to the second STUN server when the first is silent', async () => {
    const [silent, good] = [await stunServer(false), await stunServer(true)];
    const started = performance.now();
    const lines = await gather({ iceServers: [{ urls: [silent.url] }, { urls: good.url }] });
    expect(lines.some((line) => line.includes('198.51.100.7'))).toBe(true);
    expect(silent.requests).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('does not trouble the second STUN server when the first answers', async () => {
    const [good, spare] = [await stunServer(true), await stunServer(true)];
    await gather({ iceServers: [{ urls: [good.url, spare.url] }] });
    expect(spare.requests).toBe(0);
  });

  it('gives no host candidate when only relays are allowed', async () => {
    expect(await gather({ iceTransportPolicy: 'relay' })).toEqual([]);
  });
});
