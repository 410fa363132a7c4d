/** ICE restarts between two connections over real sockets: what runs goes on, over other sockets. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { OPUS } from '../sdp/session.testing.ts';
import { CleanUp, connect, negotiate, pathOf, until } from './connection-pair.testing.ts';
import { observeUdpPorts } from './transport/udp-ports.testing.ts';

const host = vi.hoisted(() => ({ addresses: ['127.0.0.1'] }));
vi.mock('./transport/candidate.ts', async (original) => ({
  ...(await original<typeof import('./transport/candidate.ts')>()),
  localAddresses: () => [...host.addresses],
}));

const cleanUp = new CleanUp();
afterEach(async () => {
  vi.restoreAllMocks();
  host.addresses = ['127.0.0.1'];
  await cleanUp.run();
});

const ufragOf = (sdp: string | undefined): string | undefined => /a=ice-ufrag:(\S+)/.exec(sdp ?? '')?.[1];

describe('an ICE restart', () => {
  it.each(['the offerer', 'the answerer'])('by %s moves everything to another pair without ending anything', async (who) => {
    const { a, b, channel, received } = await connect(cleanUp);
    const before = [await pathOf(a), await pathOf(b)];
    const lanes = [a.connection.lane, b.connection.lane];
    const ufrags = [ufragOf(a.connection.localDescription?.sdp), ufragOf(b.connection.localDescription?.sdp)];
    await channel.send('before');

    const [restarting, other] = who === 'the offerer' ? [a, b] : [b, a];
    restarting.connection.restartIce();
    await negotiate(restarting.connection, other.connection);
    await channel.send('meanwhile');
    await until('other pairs', async () => (await pathOf(a)).changes === 2 && (await pathOf(b)).changes === 2);
    await channel.send('after');

    await until('messages', () => received.length === 3);
    expect(received).toEqual(['before', 'meanwhile', 'after']);
    const [pathA, pathB] = [await pathOf(a), await pathOf(b)];
    expect([pathA.localPort, pathA.remotePort]).toEqual([pathB.remotePort, pathB.localPort]);
    expect(pathA.localPort).not.toBe(before[0]!.localPort);
    expect(pathB.localPort).not.toBe(before[1]!.localPort);
    expect(ufragOf(a.connection.localDescription?.sdp)).not.toBe(ufrags[0]);
    expect(ufragOf(b.connection.localDescription?.sdp)).not.toBe(ufrags[1]);
    expect([a.connection.lane, b.connection.lane]).toEqual(lanes);
    expect([a.states, b.states]).toEqual([
      ['connecting', 'connected'],
      ['connecting', 'connected'],
    ]);
  });

  it('keeps the pair in use until the peer has answered, and the counts of all pairs', async () => {
    const { a, b, channel, received } = await connect(cleanUp);
    const before = await pathOf(a);
    a.connection.restartIce();
    const offer = await a.connection.createOffer();
    await a.connection.setLocalDescription(offer);
    await until('gathered', () => a.connection.gatheringState === 'complete');
    await channel.send('unanswered');
    await until('message', () => received.length === 1);
    expect((await pathOf(a)).pair).toBe(before.pair);
    const sent = Number((await a.connection.getStats()).get('transport')!.packetsSent);

    await b.connection.setRemoteDescription(offer);
    const answer = await b.connection.createAnswer();
    await b.connection.setLocalDescription(answer);
    await a.connection.setRemoteDescription(answer);
    await until('another pair', async () => (await pathOf(a)).pair !== before.pair);
    expect(Number((await a.connection.getStats()).get('transport')!.packetsSent)).toBeGreaterThanOrEqual(sent);
  });

  it('that is offered by both sides at once is made by the one whose offer counts', async () => {
    const open = observeUdpPorts();
    const { a, b, channel, received } = await connect(cleanUp);
    const before = await pathOf(b);
    const described = b.connection.localDescription;
    for (const { connection } of [a, b]) {
      connection.restartIce();
      await connection.setLocalDescription(await connection.createOffer());
    }
    await until('gathered', () => b.connection.gatheringState === 'complete');

    b.connection.rollback();
    expect(b.connection.localDescription).toEqual(described);
    expect([b.connection.signalingState, b.connection.restartDue]).toEqual(['stable', true]);
    await b.connection.setRemoteDescription(a.connection.localDescription!);
    const answer = await b.connection.createAnswer();
    await b.connection.setLocalDescription(answer);
    await a.connection.setRemoteDescription(answer);
    await until('other pairs', async () => (await pathOf(a)).changes === 2 && (await pathOf(b)).changes === 2);
    expect(b.connection.restartDue).toBe(false);
    expect((await pathOf(b)).localPort).not.toBe(before.localPort);
    await channel.send('after');
    await until('message', () => received.length === 1);
    await until('the old sockets are closed', () => open.filter((port) => !port.closed).length === 2);
  });

  it('that is taken back changes nothing, and is made by the next offer', async () => {
    const { a, b, channel, received } = await connect(cleanUp);
    const before = await pathOf(b);
    b.connection.restartIce();
    await b.connection.setLocalDescription(await b.connection.createOffer());
    b.connection.rollback();
    // An offer of the other side that restarts nothing is answered without one.
    await negotiate(a.connection, b.connection);
    expect(await pathOf(b)).toEqual(before);
    expect(b.connection.restartDue).toBe(true);
    await negotiate(b.connection, a.connection);
    await until('other pairs', async () => (await pathOf(a)).changes === 2 && (await pathOf(b)).changes === 2);
    await channel.send('after');
    await until('message', () => received.length === 1);
  });

  it('can be made time and again, leaving no socket behind', async () => {
    const open = observeUdpPorts();
    const { a, b, channel, received } = await connect(cleanUp);
    for (let i = 0; i < 5; i++) {
      a.connection.restartIce();
      await negotiate(a.connection, b.connection);
      await until('another pair', async () => (await pathOf(a)).changes === 2 + i);
      await channel.send(`${i}`);
    }
    await until('messages', () => received.length === 5);
    await until('the old sockets are closed', () => open.filter((port) => !port.closed).length === 2);
    await Promise.all([a.connection.close(), b.connection.close()]);
    expect(open.filter((port) => !port.closed)).toEqual([]);
  });

  it('does not come by itself: a plain offer keeps the credentials and the pair', async () => {
    const { a, b } = await connect(cleanUp);
    const before = await pathOf(a);
    a.connection.addTransceiver({ kind: 'audio', direction: 'sendonly', codecs: [OPUS] });
    b.connection.addTransceiver({ kind: 'audio', direction: 'recvonly', codecs: [OPUS] });
    const ufrag = ufragOf(a.connection.localDescription?.sdp);
    await negotiate(a.connection, b.connection);
    expect(ufragOf(a.connection.localDescription?.sdp)).toBe(ufrag);
    expect(await pathOf(a)).toEqual(before);
  });
});

describe('a restart is due', () => {
  it('when the path falls silent, and brings it back', async () => {
    const ports = observeUdpPorts();
    const { a, b, channel, received } = await connect(cleanUp, { disconnectedTimeout: 400, failedTimeout: 10_000 });
    a.connection.on('restartneeded', () => {
      if (a.connection.signalingState !== 'stable') return;
      a.connection.restartIce();
      void negotiate(a.connection, b.connection);
    });
    // As when a NAT on the way forgets: nothing comes through to the old sockets any more.
    for (const { socket } of ports) socket.removeAllListeners('message');
    await until('disconnected', () => a.states.includes('disconnected'));
    await until('connected again', () => a.states.at(-1) === 'connected' && b.connection.state === 'connected');
    expect(a.needs).toEqual(['silence']);
    expect([...a.states, ...b.states]).not.toContain('failed');
    await channel.send('back');
    await until('message', () => received.length === 1);
  });

  it('again while nothing helps, less and less often, and then the connection has failed', async () => {
    const ports = observeUdpPorts();
    const { a } = await connect(cleanUp, { disconnectedTimeout: 200, failedTimeout: 6000 });
    const at: number[] = [];
    const started = performance.now();
    a.connection.on('restartneeded', () => at.push(performance.now() - started));
    for (const { socket } of ports) socket.removeAllListeners('message');
    await until('failed', () => a.states.includes('failed'));
    expect(at.length).toBe(2);
    expect(at[1]! - at[0]!).toBeGreaterThan(3500);
  }, 15_000);

  it('when the address in use is gone from this host, and moves to another', async () => {
    const { a, b, channel, received } = await connect(cleanUp);
    a.connection.on('restartneeded', () => {
      a.connection.restartIce();
      void negotiate(a.connection, b.connection);
    });
    host.addresses = ['127.0.0.2'];
    await until('another pair', async () => (await pathOf(a)).changes === 2);
    expect(a.needs).toEqual(['network-change']);
    expect(a.connection.localDescription?.sdp).toMatch(/ 127\.0\.0\.2 \d+ typ host/);
    expect(a.connection.localDescription?.sdp).not.toContain(' 127.0.0.1 ');
    await channel.send('moved');
    await until('message', () => received.length === 1);
    expect(a.states).toEqual(['connecting', 'connected']);
  });
});
