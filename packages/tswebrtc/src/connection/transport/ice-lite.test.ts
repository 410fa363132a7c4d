import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../common/logger.ts';
import { IceAgent } from './ice-agent.ts';
import { LitePeer } from './lite-peer.testing.ts';

// Two sockets on one address are as good as two interfaces, and every machine has them.
const host = vi.hoisted(() => ({ addresses: ['127.0.0.1', '127.0.0.1'] }));
vi.mock('./candidate.ts', async (original) => ({
  ...(await original<typeof import('./candidate.ts')>()),
  localAddresses: () => host.addresses,
}));

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((free) => free()));
});

async function connectTo(address: string) {
  host.addresses = [address, address];
  const peer = await LitePeer.listen(address);
  const agent = new IceAgent(
    { logger: silentLogger },
    { candidate: () => {}, datagram: () => {}, alive: () => {}, switched: () => {} },
  );
  cleanUp.push(
    () => agent.close(),
    () => peer.close(),
  );
  await agent.gather();
  const connected = agent.connect(
    { usernameFragment: peer.usernameFragment, password: peer.password, iceLite: true },
    'controlling',
  );
  await agent.addRemoteCandidate(peer.candidate);
  return { peer, agent, connected };
}

describe('an ICE-lite peer', () => {
  it.each(['127.0.0.1', '::1'])('on %s is checked, and told of one pair after that pair has answered', async (address) => {
    const { peer, agent, connected } = await connectTo(address);
    const { remote, pair } = await connected;
    expect(`candidate:1 1 udp 2130706431 ${remote.join(' ')} typ host`).toBe(peer.candidate);
    expect(agent.role).toBe('controlling');
    expect(peer.checks.every(({ controlling }) => controlling)).toBe(true);
    // Regular nomination (RFC 8445 §8.1.1): the pair is tried first, and no other is ever nominated.
    const nominations = peer.checks.filter(({ nominates }) => nominates);
    expect(peer.checks[0]!.nominates).toBe(false);
    expect(new Set(nominations.map(({ port }) => port))).toEqual(new Set([pair.localCandidate.port]));
    agent.send(Buffer.from([22, 1, 2, 3]));
    await expect.poll(() => peer.datagrams.length).toBe(1);
  });

  it('that does not answer a nomination is told of the other pair', async () => {
    const { peer, connected } = await connectTo('127.0.0.1');
    const firstNominated = (): number | undefined => peer.checks.find(({ nominates }) => nominates)?.port;
    peer.answers = (nominates) => !nominates || peer.checks.at(-1)!.port !== firstNominated();
    const { pair } = await connected;
    expect(pair.localCandidate.port).not.toBe(firstNominated());
  }, 60_000);
});
