import { describe, expect, it } from 'vitest';
import { readIceServers, readInterval, readUrl } from './player-attributes.ts';

const page = { protocol: 'https:', hostname: 'cam.example' };
const quiet = (words: string): never => {
  throw new Error(words);
};

describe('attributes of the player', () => {
  it('have defaults', () => {
    expect(readUrl(null, page, quiet)).toBe('wss://cam.example:8443');
    expect(readUrl(null, { protocol: 'file:', hostname: '' }, quiet)).toBe('ws://127.0.0.1:8443');
    expect(readIceServers(null, quiet)).toEqual([]);
    expect(readInterval(null, quiet)).toBeUndefined();
  });

  it('are taken as they are written', () => {
    expect(readUrl('ws://h:1/path?token=x', page, quiet)).toBe('ws://h:1/path?token=x');
    expect(readIceServers('[{"urls":"stun:h"}]', quiet)).toEqual([{ urls: 'stun:h' }]);
    expect(readIceServers('none', quiet)).toEqual([]);
    expect(readInterval('500', quiet)).toBe(500);
  });

  it('are warned of where they cannot be', () => {
    const warnings: string[] = [];
    const warn = (words: string): void => void warnings.push(words);
    expect(readUrl('http://h', page, warn)).toBe('wss://cam.example:8443');
    expect(readUrl('nonsense', page, warn)).toBe('wss://cam.example:8443');
    expect(readIceServers('stun:h', warn)).toEqual([]);
    expect(readIceServers('[1]', warn)).toEqual([]);
    expect(readInterval('often', warn)).toBeUndefined();
    expect(readInterval('1', warn)).toBeUndefined();
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toContain('signalling="http://h"');
  });
});
