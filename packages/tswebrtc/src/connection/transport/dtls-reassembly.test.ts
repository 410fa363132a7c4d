import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeReassembly } from './dtls-reassembly.ts';

const TYPES = new Set([1, 2, 11]);

function fragment(type: number, number: number, body: Buffer, from = 0, to = body.length): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 0);
  header.writeUIntBE(body.length, 1, 3);
  header.writeUInt16BE(number, 4);
  header.writeUIntBE(from, 6, 3);
  header.writeUIntBE(to - from, 9, 3);
  return Buffer.concat([header, body.subarray(from, to)]);
}

describe('HandshakeReassembly', () => {
  it('gives whole messages in order, each once, however they are cut, mixed and repeated', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 20 }), fc.infiniteStream(fc.nat()), (contents, size, order) => {
        const messages = contents.map((body) => Buffer.from(body));
        const fragments = messages.flatMap((body, number) => {
          const cuts: Buffer[] = [];
          for (let at = 0; at === 0 || at < body.length; at += size) {
            cuts.push(fragment(11, number, body, at, Math.min(body.length, at + size)));
          }
          return cuts;
        });
        const sent = [...fragments, ...fragments]
          .map((bytes) => ({ bytes, key: order.next().value }))
          .sort((a, b) => a.key - b.key);
        const reassembly = new HandshakeReassembly(TYPES);
        const got = sent.flatMap(({ bytes }) => reassembly.accept(bytes, false));
        expect(got).toEqual(messages.map((body, number) => fragment(11, number, body)));
      }),
      { seed: 11 },
    );
  });

  it('takes several messages in one record', () => {
    const both = Buffer.concat([fragment(2, 0, Buffer.from('a')), fragment(11, 1, Buffer.from('b'))]);
    expect(new HandshakeReassembly(TYPES).accept(both, false)).toHaveLength(2);
  });

  it('gives a first message again only where that is wanted', () => {
    const reassembly = new HandshakeReassembly(TYPES);
    const hello = fragment(1, 0, Buffer.from('hello'));
    expect(reassembly.accept(hello, true)).toEqual([hello]);
    expect(reassembly.accept(hello, true)).toEqual([hello]);
    expect(reassembly.accept(hello, false)).toEqual([]);
    expect(reassembly.next).toBe(1);
  });

  it('reserves nothing for what cannot be part of a handshake', () => {
    const reassembly = new HandshakeReassembly(TYPES);
    const huge = fragment(11, 0, Buffer.alloc(20));
    huge.writeUIntBE(0xffffff, 1, 3);
    expect(reassembly.accept(huge, false)).toEqual([]);
    expect(reassembly.accept(fragment(20, 0, Buffer.alloc(12)), false)).toEqual([]);
    expect(reassembly.accept(fragment(11, 40, Buffer.alloc(1)), false)).toEqual([]);
    const beyond = fragment(11, 0, Buffer.alloc(20));
    beyond.writeUIntBE(15, 6, 3);
    expect(reassembly.accept(beyond, false)).toEqual([]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        reassembly.accept(Buffer.from(bytes), true);
      }),
      { seed: 1 },
    );
    expect(reassembly.accept(fragment(11, 0, Buffer.from('fine')), false)).toHaveLength(1);
  });
});
