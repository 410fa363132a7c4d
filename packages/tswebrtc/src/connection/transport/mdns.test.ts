import { createSocket } from 'node:dgram';
import { once, setMaxListeners } from 'node:events';
import type { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { MdnsResolver, mdnsAnswer, mdnsQuestion, multicastLinks } from './mdns.ts';

const NAME = '1f4712db-ea17-4bcf-a596-105139dfd8bf.local';

function answer(name: string, address: number[]): Buffer {
  const encodedName = Buffer.concat([
    ...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.alloc(1),
  ]);
  const header = Buffer.from('000084000000000200000000', 'hex');
  const unrelated = Buffer.concat([Buffer.from([1, 0x78, 0]), Buffer.from('0010000100000078000401020304', 'hex')]);
  const type = address.length === 4 ? '0001' : '001c';
  const fixed = Buffer.from(`${type}80010000007800${address.length.toString(16).padStart(2, '0')}`, 'hex');
  return Buffer.concat([header, unrelated, encodedName, fixed, Buffer.from(address)]);
}

describe('mDNS', () => {
  it('finds the address in an answer, whatever the case of the name', () => {
    expect(mdnsAnswer(answer(NAME, [192, 0, 2, 7]), NAME.toUpperCase())).toBe('192.0.2.7');
    expect(mdnsAnswer(answer(NAME, [0xfd, ...Array(14).fill(0), 2]), NAME)).toBe('fd00::2');
    expect(mdnsAnswer(answer('other.local', [192, 0, 2, 7]), NAME)).toBeUndefined();
    expect(mdnsAnswer(mdnsQuestion(NAME), NAME)).toBeUndefined();
  });

  it('survives any answer, also one that points at itself', () => {
    expect(mdnsAnswer(Buffer.from('000084000000000100000000c00c00010001', 'hex'), NAME)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(mdnsAnswer(Buffer.from(bytes), NAME)).toBeUndefined();
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  it.each(multicastLinks().map((link) => [`${link.type} on ${link.outgoing}`, link] as const))(
    'asks over %s',
    async (_, link) => {
      const responder = createSocket({ type: link.type, reuseAddr: true });
      responder.bind(5353);
      await once(responder, 'listening');
      responder.addMembership(link.group, link.membership);
      responder.setMulticastInterface(link.outgoing);
      responder.on('message', (message) => {
        if (message.equals(mdnsQuestion(NAME))) responder.send(answer(NAME, [192, 0, 2, 7]), 5353, link.group);
      });
      try {
        expect(await new MdnsResolver(() => [link]).resolve(NAME, new AbortController().signal)).toBe('192.0.2.7');
      } finally {
        responder.close();
      }
    },
  );

  it('looks many names up on the same sockets, and keeps none of them open', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'UDPWrap').length;
    await vi.waitFor(() => expect(sockets()).toBe(0));
    const links = multicastLinks();
    const resolver = new MdnsResolver(() => links);
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const lookups = Array.from({ length: 100 }, (_, i) => resolver.resolve(`nobody-${i}.local`, controller.signal));
    expect(sockets()).toBeLessThanOrEqual(links.length);
    controller.abort();
    expect(await Promise.all(lookups)).toEqual(Array(100).fill(undefined));
    await vi.waitFor(() => expect(sockets()).toBe(0));
  });

  it('uses every interface, and loopback only alone', () => {
    const address = (
      name: string,
      family: 'IPv4' | 'IPv6',
      internal = false,
    ): NonNullable<ReturnType<typeof networkInterfaces>['']>[0] => ({ address: name, family, internal, scopeid: 0 }) as never;
    const loopback = [address('127.0.0.1', 'IPv4', true)];
    const links = multicastLinks({
      lo: loopback,
      eth0: [address('192.0.2.1', 'IPv4'), address('fd00::1', 'IPv6')],
      eth1: [address('198.51.100.1', 'IPv4')],
    });
    expect(links.map(({ outgoing }) => outgoing)).toEqual(['192.0.2.1', '::%eth0', '198.51.100.1']);
    expect(multicastLinks({ lo: loopback }).map(({ outgoing }) => outgoing)).toEqual(['127.0.0.1']);
  });
});
