import { beforeAll, describe, expect, it } from 'vitest';
import { takePictures } from '../../media/jpeg-camera.testing.ts';
import { type JpegFile, jpegPayloads, readJpegFile } from '../../media/jpeg-payloads.testing.ts';
import { JitterBuffer } from '../receive/jitter-buffer.ts';
import { JpegDepacketiser } from './jpeg.ts';
import { quantisers } from './jpeg-tables.ts';

let file: Buffer;
let picture: JpegFile;

beforeAll(async () => {
  [file] = (await takePictures({ width: 320, height: 240, lumas: [60] })) as [Buffer];
  picture = readJpegFile(file);
});

const assemble = (payloads: readonly Uint8Array[], depacketiser = new JpegDepacketiser()): JpegFile | undefined => {
  const whole = depacketiser.assemble(payloads);
  return whole && readJpegFile(Buffer.from(whole));
};

describe('JPEG', () => {
  it('becomes the file that an encoder made, its tables among it', () => {
    const payloads = jpegPayloads(file);
    expect(payloads.length).toBeGreaterThan(2);
    const depacketiser = new JpegDepacketiser();
    expect(payloads.map((payload) => depacketiser.inspect(payload))).toEqual(
      payloads.map((_, i) => ({ begins: i === 0, keyframe: true, temporalLayer: 0, tl0PictureIndex: undefined })),
    );
    const { huffman, ...rest } = assemble(payloads)!;
    const { huffman: made, ...original } = picture;
    expect(rest).toEqual(original);
    // One segment for all, or one each.
    expect(Buffer.concat(huffman)).toEqual(Buffer.concat(made));
  });

  it('has the tables that its quality says where they are not sent', () => {
    // ITU-T T.81 annex K is quality 50.
    expect(quantisers(50)[0].slice(0, 6)).toEqual(Uint8Array.of(16, 11, 12, 14, 12, 10));
    for (const [q, first] of [
      [1, 255],
      [25, 32],
      [75, 8],
      [99, 1],
    ] as const) {
      expect(assemble(jpegPayloads(file, { q }))!.tables[0]).toBe(first);
      expect(assemble(jpegPayloads(file, { q }))!.tables).toEqual(Buffer.concat(quantisers(q)));
    }
  });

  it('keeps tables that are sent once, and none that are for one picture', () => {
    const depacketiser = new JpegDepacketiser();
    expect(assemble(jpegPayloads(file, { q: 200, withTables: false }), depacketiser)).toBeUndefined();
    expect(assemble(jpegPayloads(file, { q: 200 }), depacketiser)!.tables).toEqual(picture.tables);
    expect(assemble(jpegPayloads(file, { q: 200, withTables: false }), depacketiser)!.tables).toEqual(picture.tables);
    assemble(jpegPayloads(file, { q: 255 }), depacketiser);
    expect(assemble(jpegPayloads(file, { q: 255, withTables: false }), depacketiser)).toBeUndefined();
  });

  it('says where its restart markers are', () => {
    const payloads = jpegPayloads(file).map((payload) => {
      const whole = Buffer.concat([payload.subarray(0, 8), Buffer.of(0, 20, 0xff, 0xff), payload.subarray(8)]);
      whole[4]! |= 0x40;
      return whole;
    });
    expect(assemble(payloads)).toMatchObject({ restartInterval: 20, tables: picture.tables, scan: picture.scan });
  });

  it('of 4:2:2 has chrominance of whole height', () => {
    const payloads = jpegPayloads(file);
    for (const payload of payloads) payload[4] = 0;
    const whole = Buffer.from(new JpegDepacketiser().assemble(payloads)!);
    const frameHeader = whole.subarray(whole.indexOf(Buffer.of(0xff, 0xc0)));
    expect([...frameHeader.subarray(10, 19)]).toEqual([1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1]);
  });

  it('larger than RTP can tell has the size of the session description, or none', () => {
    const payloads = jpegPayloads(file, { unsized: true });
    expect(assemble(payloads)).toBeUndefined();
    expect(assemble(payloads, new JpegDepacketiser({ width: 2592, height: 1944 }))).toMatchObject({ width: 2592, height: 1944 });
  });

  it('is not put together from what is not whole, or is no JPEG', () => {
    const payloads = jpegPayloads(file);
    expect(assemble(payloads.slice(1))).toBeUndefined();
    expect(assemble([payloads[0]!, ...payloads.slice(2)])).toBeUndefined();
    const depacketiser = new JpegDepacketiser();
    const reserved = Buffer.from(payloads[0]!);
    reserved[4] = 2;
    for (const bad of [Buffer.alloc(0), payloads[0]!.subarray(0, 8), payloads[0]!.subarray(0, 100), reserved]) {
      expect(depacketiser.inspect(bad)).toBeUndefined();
    }
  });

  it('loses the picture that a packet was lost of, and no other', () => {
    const buffer = new JitterBuffer({
      depacketiser: new JpegDepacketiser(),
      clockRate: 90_000,
      bounds: { floor: 0, ceiling: 0 },
      mayCome: () => false,
      repairable: false,
    });
    const seen: number[] = [];
    let sequence = 0;
    for (let index = 0; index < 6; index++) {
      const now = 33 * index;
      const payloads = jpegPayloads(file);
      for (const [i, payload] of payloads.entries()) {
        const lost = index === 2 && i === 1;
        if (!lost) buffer.insert(sequence, 3000 * index, i === payloads.length - 1, payload, now);
        sequence++;
      }
      for (let frame = buffer.take(now); frame; frame = buffer.take(now)) seen.push(frame.timestamp / 3000);
    }
    expect(seen).toEqual([0, 1, 3, 4, 5]);
  });
});
