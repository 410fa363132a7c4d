import { describe, expect, it } from 'vitest';
import { createTransform, rtpHeaderLength } from './srtp-transform.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const grow = (packet: Buffer): Buffer => Buffer.concat([packet, Buffer.alloc(64)]);

describe('AEAD_AES_128_GCM', () => {
  const keys = { key: hex('000102030405060708090a0b0c0d0e0f'), salt: hex('517569642070726f2071756f'), authKey: Buffer.alloc(0) };
  const transform = createTransform('AEAD_AES_128_GCM', keys, keys);

  it('protects the RTP packet of RFC 7714 §16.1', () => {
    const plain = hex('8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573');
    const sealed = hex(
      '8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce',
    );
    const packet = grow(plain);
    const length = transform.protectRtp(packet, plain.length, 0x5501a0b2, 0, 0xf17b);
    expect(packet.subarray(0, length)).toEqual(sealed);
    expect(transform.unprotectRtp(packet, length, 0x5501a0b2, 0, 0xf17b)).toBe(plain.length);
    expect(packet.subarray(0, plain.length)).toEqual(plain);
  });

  it('protects the RTCP packet of RFC 7714 §17.1', () => {
    const plain = hex('81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef');
    const sealed = hex(
      '81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4',
    );
    const packet = grow(plain);
    const length = transform.protectRtcp(packet, plain.length, 0x4d617273, 0x5d4);
    expect(packet.subarray(0, length)).toEqual(sealed);
    expect(transform.unprotectRtcp(packet, length, 0x4d617273)).toBe(plain.length);
    expect(packet.subarray(0, plain.length)).toEqual(plain);
  });
});

describe('AES128_CM_HMAC_SHA1_80', () => {
  it('makes the keystream of RFC 3711 appendix B.2', () => {
    const keys = {
      key: hex('2b7e151628aed2a6abf7158809cf4f3c'),
      salt: hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd'),
      authKey: Buffer.alloc(20),
    };
    const transform = createTransform('AES128_CM_HMAC_SHA1_80', keys, keys);
    // The vector has SSRC, roll-over counter and sequence number zero.
    const packet = Buffer.alloc(12 + 32 + 10);
    packet[0] = 0x80;
    expect(transform.protectRtp(packet, 44, 0, 0, 0)).toBe(54);
    expect(packet.subarray(12, 44)).toEqual(hex('e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab'));
  });
});

describe('rtpHeaderLength', () => {
  it('counts CSRCs and the extension', () => {
    const packet = Buffer.alloc(40);
    packet[0] = 0x80;
    expect(rtpHeaderLength(packet, 40)).toBe(12);
    packet[0] = 0x92;
    packet[12 + 8 + 3] = 2;
    expect(rtpHeaderLength(packet, 40)).toBe(12 + 8 + 4 + 8);
    expect(rtpHeaderLength(packet, 31)).toBe(-1);
    expect(rtpHeaderLength(packet, 11)).toBe(-1);
  });
});
