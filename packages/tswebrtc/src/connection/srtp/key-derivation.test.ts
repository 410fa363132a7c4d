import { describe, expect, it } from 'vitest';
import { deriveSessionKeys } from './key-derivation.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('deriveSessionKeys', () => {
  it('derives the keys of RFC 3711 appendix B.3', () => {
    const { rtp } = deriveSessionKeys(
      'AES128_CM_HMAC_SHA1_80',
      hex('E1F97A0D3E018BE0D64FA32C06DE4139'),
      hex('0EC675AD498AFEEBB6960B3AABE6'),
    );
    expect(rtp.key).toEqual(hex('C61E7A93744F39EE10734AFE3FF7A087'));
    expect(rtp.salt).toEqual(hex('30CBBC08863D8C85D49DB34A9AE1'));
    expect(rtp.authKey).toEqual(hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'));
  });

  it('derives different keys for RTP and RTCP', () => {
    const { rtp, rtcp } = deriveSessionKeys('AEAD_AES_128_GCM', Buffer.alloc(16, 1), Buffer.alloc(12, 2));
    expect(rtp.key).not.toEqual(rtcp.key);
    expect(rtp.salt).toHaveLength(12);
  });

  it('refuses keys of a wrong length', () => {
    expect(() => deriveSessionKeys('AEAD_AES_128_GCM', Buffer.alloc(16), Buffer.alloc(14))).toThrow(/salt of 12, not 16 and 14/);
  });
});
