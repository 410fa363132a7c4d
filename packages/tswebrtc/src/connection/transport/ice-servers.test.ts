import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../common/logger.ts';
import { parseIceServers, usableIceServers } from './ice-servers.ts';

describe('parseIceServers', () => {
  it('reads STUN and TURN URLs in their order', () => {
    const { stun, turn } = parseIceServers([
      { urls: ['stun:stun.example.org', 'stun://192.0.2.1:19302'] },
      { urls: 'turn:turn.example.org:3479?transport=tcp', username: 'u', credential: 'p' },
      { urls: 'turns://user:p%3Ass@[2001:db8::1]' },
    ]);
    expect(stun).toEqual([
      { host: 'stun.example.org', port: 3478 },
      { host: '192.0.2.1', port: 19302 },
    ]);
    expect(turn).toEqual([
      {
        host: 'turn.example.org',
        port: 3479,
        transport: 'tcp',
        url: 'turn:turn.example.org:3479?transport=tcp',
        username: 'u',
        credential: 'p',
      },
      {
        host: '2001:db8::1',
        port: 5349,
        transport: 'tls',
        url: 'turns:[2001:db8::1]:5349',
        username: 'user',
        credential: 'p:ss',
      },
    ]);
  });

  it('refuses what it cannot read, without repeating a password', () => {
    expect(() => parseIceServers([{ urls: 'http://user:secret@x' }])).toThrow(/malformed/);
    expect(() => parseIceServers([{ urls: 'http://user:secret@x' }])).not.toThrow(/secret/);
    expect(() => parseIceServers([{ urls: 'stun:x:99999' }])).toThrow(/99999/);
  });
});

describe('usableIceServers', () => {
  it('leaves out what cannot be understood, and says so once, without passwords', () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (...told: unknown[]) => void warnings.push(told) };
    const turn = { urls: 'turn:turn.example.org', username: 'u', credential: 'p' };
    const servers = [{ urls: ['stun:stun.example.org', 'stun:a:99999'] }, { urls: 'http://user:secret@example.org' }, turn];
    expect(usableIceServers(servers, logger)).toEqual([{ urls: 'stun:stun.example.org' }, turn]);
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).not.toContain('secret');
    usableIceServers([turn], logger);
    expect(warnings).toHaveLength(1);
  });
});
