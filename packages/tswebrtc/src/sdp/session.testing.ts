/** Short ways to our side of offers and answers, for tests. */
import type { CodecPreference, Direction } from './codecs.ts';
import type { LocalMedia, LocalTransport } from './local-media.ts';
import { createOffer, type OfferOptions, type OfferSection } from './offer.ts';
import { PayloadTypes } from './payload-types.ts';
import { writeDescription } from './write.ts';

export const VP8: CodecPreference = { name: 'VP8', clockRate: 90000 };
export const H264: CodecPreference = { name: 'H264', clockRate: 90000 };
export const VP9: CodecPreference = { name: 'VP9', clockRate: 90000 };
export const OPUS: CodecPreference = { name: 'OPUS', clockRate: 48000, channels: 2 };

export const TRANSPORT: LocalTransport = {
  usernameFragment: 'abcd1234',
  password: 'abcdefghijklmnopqrstuvwx',
  fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AA').join(':') }],
};

export const REMOTE_TRANSPORT: LocalTransport = { ...TRANSPORT, usernameFragment: 'wxyz9876' };

export function video(codecs: CodecPreference[], direction: Direction = 'sendonly', mid = 'video0'): LocalMedia {
  return {
    kind: 'video',
    mid,
    direction,
    codecs,
    retransmission: true,
    transportCc: true,
    streamId: 'stream0',
    trackId: 'track0',
    cname: 'user1@host-1',
    ...(direction === 'recvonly' ? {} : { ssrc: 1111, rtxSsrc: 2222 }),
  };
}

export function audio(codecs: CodecPreference[], direction: Direction = 'sendonly', mid = 'audio1'): LocalMedia {
  const { rtxSsrc: _, ...media } = { ...video(codecs, direction, mid), kind: 'audio' as const, retransmission: false };
  return { ...media, ...(direction === 'recvonly' ? {} : { ssrc: 3333 }) };
}

export const media = (local: LocalMedia): OfferSection => ({ type: 'media', media: local });

export function offerOf(sections: OfferSection[], options: Partial<OfferOptions> = {}) {
  const description = createOffer({
    sessionId: '1234567890123456789',
    sessionVersion: '0',
    transport: TRANSPORT,
    payloadTypes: new PayloadTypes(),
    sections,
    ...options,
  });
  return { description, text: writeDescription(description), lines: writeDescription(description).trimEnd().split('\r\n') };
}
