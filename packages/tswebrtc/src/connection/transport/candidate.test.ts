import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidatePriority, formatCandidate, localAddresses, parseCandidate } from './candidate.ts';

describe('parseCandidate', () => {
  it('reads a line as browsers write it', () => {
    const line =
      'a=candidate:842163049 1 UDP 1677729535 203.0.113.9 46154 typ srflx raddr 10.0.0.2 rport 46154 generation 0 ufrag EsAw network-id 1';
    expect(parseCandidate(line)).toEqual({
      foundation: '842163049',
      component: 1,
      protocol: 'udp',
      priority: 1677729535,
      address: '203.0.113.9',
      port: 46154,
      type: 'srflx',
      relatedAddress: '10.0.0.2',
      relatedPort: 46154,
      usernameFragment: 'EsAw',
    });
  });

  it('reads what formatCandidate writes', () => {
    const candidate = { foundation: '7', component: 1, protocol: 'udp', priority: 99, address: '::1', port: 5, type: 'host' };
    expect(parseCandidate(formatCandidate(candidate))).toEqual(candidate);
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        parseCandidate(text);
        expect(parseCandidate(`candidate:1 1 udp ${text} 127.0.0.1 x typ host`)).toBeUndefined();
      }),
      { seed: 3 },
    );
  });
});

describe('candidatePriority', () => {
  it('is the formula of RFC 8445', () => {
    expect(candidatePriority('host', 65535)).toBe(2130706431);
    expect(candidatePriority('srflx', 65535)).toBeLessThan(candidatePriority('host', 0));
  });
});

describe('localAddresses', () => {
  const entry = (address: string, internal = false) => ({ address, internal }) as never;

  it('mixes the families, puts site-local addresses last and leaves link-local and loopback ones out', () => {
    const interfaces = {
      lo: [entry('127.0.0.1', true), entry('::1', true)],
      eth0: [entry('fd00::7'), entry('2001:db8::1'), entry('192.0.2.1'), entry('fe80::1'), entry('169.254.3.3')],
      eth1: [entry('192.0.2.2')],
    };
    const outside = ['2001:db8::1', '192.0.2.1', '192.0.2.2', 'fd00::7'];
    expect(localAddresses(false, interfaces)).toEqual(outside);
    expect(localAddresses(true, interfaces)).toEqual([...outside, '127.0.0.1']);
    expect(localAddresses('IPv6', interfaces)).toEqual([...outside, '::1', '127.0.0.1']);
  });

  it('falls back to loopback when there is nothing else', () => {
    expect(localAddresses(false, { lo: [entry('127.0.0.1', true)] })).toEqual(['127.0.0.1']);
  });
});
