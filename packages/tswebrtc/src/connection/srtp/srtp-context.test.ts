import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtpHeader, RtpPacket, SrtcpSession, SrtpSession } from 'werift';
import type { SrtpProfile } from '../types.ts';
import { PROFILE_SIZES } from './key-derivation.ts';
import { createSrtpTransform, estimateIndex, SrtcpProtector, SrtpReceiver } from './srtp-context.ts';

const PROFILES: SrtpProfile[] = ['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80'];
const SSRC = 0xcafe1234;

function keys(profile: SrtpProfile) {
  const { key, salt } = PROFILE_SIZES[profile];
  return { key: Buffer.alloc(key, 0x5a), salt: Buffer.alloc(salt, 0xc3) };
}

function rtp(sequenceNumber: number, payload = 'payload', ssrc = SSRC): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet[1] = 96;
  packet.writeUInt16BE(sequenceNumber, 2);
  packet.writeUInt32BE(ssrc, 8);
  packet.write(payload, 12);
  return packet;
}

function rtcp(): Buffer {
  const report = Buffer.alloc(8);
  report[0] = 0x80;
  report[1] = 201;
  report.writeUInt16BE(1, 2);
  report.writeUInt32BE(SSRC, 4);
  return report;
}

describe.each(PROFILES)('%s', (profile) => {
  const { key, salt } = keys(profile);
  const transform = createSrtpTransform(profile, key, salt);
  const protect = (packet: Buffer, rolloverCounter = 0): Buffer => {
    const out = Buffer.concat([packet, Buffer.alloc(32)]);
    const length = transform.protectRtp(out, packet.length, packet.readUInt32BE(8), rolloverCounter, packet.readUInt16BE(2));
    return out.subarray(0, length);
  };
  const receiver = (): SrtpReceiver => new SrtpReceiver(profile, key, salt);
  const weriftConfig = {
    keys: { localMasterKey: key, localMasterSalt: salt, remoteMasterKey: key, remoteMasterSalt: salt },
    profile: profile === 'AEAD_AES_128_GCM' ? (7 as const) : (1 as const),
  };

  it('gives back what was protected, once', () => {
    const inbound = receiver();
    const sealed = protect(rtp(1000));
    expect(inbound.unprotectRtp(Buffer.from(sealed))).toEqual(rtp(1000));
    expect(inbound.unprotectRtp(Buffer.from(sealed))).toBeUndefined();
  });

  it('follows the sequence number around its end, with packets out of order', () => {
    const inbound = receiver();
    const order: [number, number][] = [
      [65533, 0],
      [65535, 0],
      [1, 1],
      [65534, 0],
      [0, 1],
      [2, 1],
    ];
    for (const [sequenceNumber, rolloverCounter] of order) {
      expect(inbound.unprotectRtp(protect(rtp(sequenceNumber), rolloverCounter))).toEqual(rtp(sequenceNumber));
    }
  });

  it('does not move its index on forged packets', () => {
    const inbound = receiver();
    expect(inbound.unprotectRtp(protect(rtp(60_000)))).toBeDefined();
    for (let sequenceNumber = 0; sequenceNumber < 30_000; sequenceNumber += 1000) {
      const forged = protect(rtp(sequenceNumber), 1);
      forged[forged.length - 1]! ^= 1;
      expect(inbound.unprotectRtp(forged)).toBeUndefined();
    }
    expect(inbound.unprotectRtp(protect(rtp(60_001)))).toEqual(rtp(60_001));
  });

  it('keeps no state for sources that cannot authenticate', () => {
    const inbound = receiver();
    for (let ssrc = 1; ssrc <= 50; ssrc++) {
      const forged = protect(rtp(1, 'payload', ssrc));
      forged[12]! ^= 0xff;
      expect(inbound.unprotectRtp(forged)).toBeUndefined();
    }
    expect(inbound.sources).toBe(0);
  });

  it('bounds the state even of sources that can', () => {
    const inbound = receiver();
    for (let ssrc = 1; ssrc <= 1100; ssrc++) inbound.unprotectRtp(protect(rtp(1, '', ssrc)));
    expect(inbound.sources).toBe(1024);
  });

  it('protects RTCP under an index that grows, and takes each packet once', () => {
    const outbound = new SrtcpProtector(profile, key, salt);
    const inbound = receiver();
    const first = outbound.protect(rtcp())!;
    const second = outbound.protect(rtcp())!;
    expect(first.equals(second)).toBe(false);
    expect(inbound.unprotectRtcp(Buffer.from(second))).toEqual(rtcp());
    expect(inbound.unprotectRtcp(Buffer.from(first))).toEqual(rtcp());
    expect(inbound.unprotectRtcp(Buffer.from(first))).toBeUndefined();
    second[second.length - 5]! ^= 1;
    expect(inbound.unprotectRtcp(second)).toBeUndefined();
  });

  it('is understood by another implementation', () => {
    const header = RtpHeader.deSerialize(rtp(7));
    const decrypted = RtpPacket.deSerialize(new SrtpSession(weriftConfig).decrypt(protect(rtp(7, 'there'))));
    expect(decrypted.payload.toString()).toBe('there');
    expect(receiver().unprotectRtp(new SrtpSession(weriftConfig).encrypt(Buffer.from('back'), header))).toEqual(rtp(7, 'back'));
    const outbound = new SrtcpProtector(profile, key, salt);
    expect(new SrtcpSession(weriftConfig).decrypt(outbound.protect(rtcp())!)).toEqual(rtcp());
    expect(receiver().unprotectRtcp(new SrtcpSession(weriftConfig).encrypt(rtcp()))).toEqual(rtcp());
  });

  it('survives any bytes', () => {
    const inbound = receiver();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(inbound.unprotectRtp(Buffer.from(bytes))).toBeUndefined();
        expect(inbound.unprotectRtcp(Buffer.from(bytes))).toBeUndefined();
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

describe('estimateIndex', () => {
  it('chooses the nearest index', () => {
    expect(estimateIndex(65535, 0)).toBe(65536);
    expect(estimateIndex(65536, 65535)).toBe(65535);
    expect(estimateIndex(3 * 65536 + 100, 99)).toBe(3 * 65536 + 99);
    expect(estimateIndex(5, 65535)).toBeLessThan(0);
  });
});
