import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDepacketiser } from '../depacketiser.ts';
import { PacketArena } from '../packet-arena.ts';
import { createPacketiser } from '../packetiser.ts';
import { frameOf, payloads } from '../packetisers/packetisers.testing.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
/** `length` bytes that hold no start code. */
const filler = (length: number, seed = 1): number[] => Array.from({ length }, (_, i) => 1 + ((i * 7 + seed) % 254));
const unit = (header: readonly number[], length: number): number[] => [0, 0, 0, 1, ...header, ...filler(length)];

describe('what our packetisers make', () => {
  it.each([
    ['VP8', [0x10, ...filler(5000)], true],
    ['VP8', [0x11, ...filler(700)], false],
    ['H264', [...unit([0x67], 20), ...unit([0x68], 5), ...unit([0x65], 4000)], true],
    ['H264', unit([0x41], 3000), false],
    ['OPUS', filler(200), true],
  ] as const)('is put together again: %s', (codec, data, keyframe) => {
    const arena = new PacketArena(1 << 20);
    const made = payloads(arena, createPacketiser(codec).packetise(frameOf(data, { temporalLayer: 0 }), arena)!);
    const depacketiser = createDepacketiser(codec.toLowerCase());
    const infos = made.map((payload) => depacketiser.inspect(payload)!);
    expect(infos.some((info) => info.keyframe)).toBe(keyframe);
    expect(infos.map(({ begins }) => begins)).toEqual(codec === 'H264' ? made.map(() => undefined) : made.map((_, i) => i === 0));
    expect(depacketiser.assemble(made)).toEqual(Uint8Array.from(data));
    if (made.length > 1 && codec !== 'H264') expect(depacketiser.assemble(made.slice(1))).toBeUndefined();
    if (codec === 'H264' && made.length > 2) expect(depacketiser.assemble(made.slice(0, -1))).toBeUndefined();
  });

  it('tells the temporal layer of VP8 and what it builds on', () => {
    const arena = new PacketArena(1 << 20);
    const [payload] = payloads(arena, createPacketiser('VP8').packetise(frameOf([0x11, 1, 2], { temporalLayer: 1 }), arena)!);
    payload![4] = 77;
    expect(createDepacketiser('VP8').inspect(payload!)).toMatchObject({ temporalLayer: 1, tl0PictureIndex: 77 });
  });
});

describe('VP8', () => {
  const vp8 = createDepacketiser('VP8');

  it.each([
    ['no extension', [0x10], { begins: true, keyframe: true, temporalLayer: 0, tl0PictureIndex: undefined }],
    ['a PictureID of 7 bits', [0x90, 0x80, 0x05], { begins: true, keyframe: true }],
    ['TL0PICIDX alone', [0x90, 0x40, 0x09], { tl0PictureIndex: 9 }],
    ['KEYIDX without TID', [0x90, 0x10, 0xff], { temporalLayer: 0 }],
    ['TID and KEYIDX in one byte', [0x90, 0x30, 0x9f], { temporalLayer: 2 }],
    ['a later partition', [0x11], { begins: false, keyframe: false }],
  ])('with %s', (_, descriptor, expected) => {
    expect(vp8.inspect(bytes(...descriptor, 0x00, 1, 2))).toMatchObject(expected);
    expect(vp8.inspect(bytes(...descriptor))).toBeUndefined();
  });

  it('takes no second start for the same frame', () => {
    expect(vp8.assemble([bytes(0x10, 1), bytes(0x10, 2)])).toBeUndefined();
    expect(vp8.assemble([bytes(0x10, 1), bytes(0x00, 2)])).toEqual(bytes(1, 2));
  });
});

describe('VP9', () => {
  const vp9 = createDepacketiser('VP9');

  it.each([
    [
      'a keyframe with its structure',
      [0x8a, 0x85, 0x01, 0b00011000, 1, 0x40, 0, 0xb4, 1, 0b00000100, 1],
      { begins: true, keyframe: true },
    ],
    ['a predicted frame', [0xc8, 0x85, 0x02], { begins: true, keyframe: false }],
    ['an upper temporal layer', [0xe8, 0x05, 0b01000000, 0x21], { temporalLayer: 2, tl0PictureIndex: 0x21 }],
    ['flexible mode with references', [0xf8, 0x05, 0b00100000, 0b011, 0b010], { temporalLayer: 1, tl0PictureIndex: undefined }],
    ['an upper spatial layer', [0xa8, 0x05, 0b00000010, 0x21], { begins: false, keyframe: false }],
    ['the middle of a frame', [0x80, 0x05], { begins: false, keyframe: false }],
  ])('%s', (_, descriptor, expected) => {
    expect(vp9.inspect(bytes(...descriptor, 0x82, 1))).toMatchObject(expected);
    expect(vp9.inspect(bytes(...descriptor))).toBeUndefined();
    expect(vp9.assemble([bytes(...descriptor, 0x82), bytes(0x00, 0x33)])).toEqual(bytes(0x82, 0x33));
  });

  it('refuses more references than there can be', () => {
    expect(vp9.inspect(bytes(0x58, 1, 1, 1, 1, 0x82))).toBeUndefined();
  });
});

describe('H.265', () => {
  const h265 = createDepacketiser('H265');
  const [VPS, SPS, IDR, TRAIL] = [32, 33, 19, 1].map((type) => [type << 1, 1]) as [number[], number[], number[], number[]];

  it('puts single, aggregated and fragmented units together', () => {
    const aggregate = [48 << 1, 1, 0, 4, ...VPS, 7, 8, 0, 3, ...SPS, 9];
    const fragments = [
      [49 << 1, 1, 0x80 | 19, 1, 2],
      [49 << 1, 1, 19, 3],
      [49 << 1, 1, 0x40 | 19, 4],
    ].map((fragment) => bytes(...fragment));
    const whole = h265.assemble([bytes(...aggregate), ...fragments, bytes(...TRAIL, 5)]);
    const expected = [
      [...VPS, 7, 8],
      [...SPS, 9],
      [...IDR, 1, 2, 3, 4],
      [...TRAIL, 5],
    ];
    expect(whole).toEqual(bytes(...expected.flatMap((one) => [0, 0, 0, 1, ...one])));
    expect(h265.inspect(fragments[1]!)).toMatchObject({ keyframe: true });
    expect(h265.inspect(bytes(...aggregate))).toMatchObject({ keyframe: false });
    expect(h265.inspect(bytes(TRAIL[0]!, 3, 5))).toMatchObject({ keyframe: false, temporalLayer: 2 });
    for (const broken of [fragments.slice(1), fragments.slice(0, 2), [fragments[0]!, bytes(...TRAIL, 5)]]) {
      expect(h265.assemble(broken)).toBeUndefined();
    }
    expect(h265.inspect(bytes(50 << 1, 1, 0, 0))).toBeUndefined();
  });
});

describe('AV1', () => {
  const av1 = createDepacketiser('AV1');
  const [SEQUENCE, FRAME, DELIMITER] = [1 << 3, 6 << 3, 2 << 3];

  it('puts OBUs and their pieces together, with sizes and without delimiters', () => {
    // W = 0: every element has its length.
    const first = bytes(0x48, 1, DELIMITER, 3, SEQUENCE, 5, 6, 3, FRAME, 1, 2);
    // W = 1, a piece in the middle; W = 2, the rest and another one.
    const second = bytes(0xd0, 3, 4);
    const third = bytes(0xa0, 1, 5, FRAME | 4, 0x28, 6);
    expect(av1.assemble([first, second, third])).toEqual(
      bytes(...[SEQUENCE | 2, 2, 5, 6], ...[FRAME | 2, 5, 1, 2, 3, 4, 5], ...[FRAME | 6, 0x28, 1, 6]),
    );
    expect(av1.inspect(first)).toMatchObject({ begins: true, keyframe: true });
    expect(av1.inspect(second)).toMatchObject({ begins: undefined, keyframe: false });
    expect(av1.assemble([second, third])).toBeUndefined();
    expect(av1.assemble([first, second])).toBeUndefined();
    expect(av1.inspect(bytes(0x10, FRAME | 4, 0x28, 6))).toMatchObject({ temporalLayer: 1 });
  });

  it('writes sizes beyond one byte', () => {
    const whole = av1.assemble([bytes(0x10, FRAME, ...filler(300))])!;
    expect([...whole.subarray(0, 3)]).toEqual([FRAME | 2, 0xac, 0x02]);
    expect(whole.length).toBe(303);
  });

  it.each([
    ['a sequence that begins inside of an OBU', [0x98, FRAME, 1]],
    ['fewer elements than said', [0x30, 1, FRAME]],
    ['an element beyond the end', [0x00, 9, FRAME]],
    ['nothing', [0x10]],
    ['a length that does not end', [0x00, 0x80, 0x80, 0x80, 1]],
  ])('refuses %s', (_, payload) => {
    expect(av1.inspect(bytes(...payload))).toBeUndefined();
    expect(av1.assemble([bytes(...payload)])).toBeUndefined();
  });
});

describe.each(['VP8', 'VP9', 'H264', 'H265', 'AV1', 'OPUS', 'PCMU'])('garbage as %s', (codec) => {
  it('is refused or taken, but does no harm', () => {
    const depacketiser = createDepacketiser(codec);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), (parts) => {
        for (const part of parts) depacketiser.inspect(part);
        const whole = depacketiser.assemble(parts);
        // Start codes and sizes are all that may be added.
        const most = parts.reduce((sum, { length }) => sum + 5 * length, 0);
        expect(whole === undefined || whole.length <= most).toBe(true);
      }),
      { seed: 4, numRuns: 3000 },
    );
  });
});

it('refuses a codec it does not know, and names those it does', () => {
  expect(() => createDepacketiser('H261')).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(/H261.*VP8/) }),
  );
});
