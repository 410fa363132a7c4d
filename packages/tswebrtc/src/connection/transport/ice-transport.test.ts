import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../common/logger.ts';
import { IceTransport } from './ice-transport.ts';

const REMOTE = { usernameFragment: 'peer', password: 'x'.repeat(24) };

let ice: IceTransport;
beforeEach(() => {
  const ignore = (): void => {};
  ice = new IceTransport(
    { iceServers: [], logger: silentLogger },
    { candidate: ignore, datagram: ignore, alive: ignore, selected: ignore, failed: ignore },
  );
});
afterEach(() => ice.close());

describe('an ICE restart', () => {
  it('knows the peer at its new addresses before it has taken over', async () => {
    ice.connect(REMOTE, 'controlled');
    await ice.addRemoteCandidate('candidate:1 1 udp 1 192.0.2.1 5000 typ host');
    ice.prepareRestart();
    ice.connect({ ...REMOTE, usernameFragment: 'again' });
    await ice.addRemoteCandidate('candidate:1 1 udp 1 192.0.2.2 5000 typ host');
    expect(ice.isPeer(['192.0.2.1', 5000])).toBe(true);
    expect(ice.isPeer(['192.0.2.2', 5000])).toBe(true);
    expect(ice.isPeer(['192.0.2.2', 5001])).toBe(false);
  });

  it('does not suffer from servers that were refused', () => {
    expect(() => ice.setServers([{ urls: 'stun//malformed' }])).toThrow('malformed');
    expect(() => ice.prepareRestart()).not.toThrow();
  });
});
