import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnswer } from './answer.ts';
import type { CodecPreference, Direction } from './codecs.ts';
import type { SessionDescription } from './description.ts';
import { negotiate } from './negotiate.ts';
import { parseDescription } from './read.ts';
import { CHROMIUM_OFFER } from './samples.testing.ts';
import { audio, H264, media, OPUS, offerOf, REMOTE_TRANSPORT, VP8, VP9, video } from './session.testing.ts';
import { writeDescription } from './write.ts';

const AV1: CodecPreference = { name: 'AV1', clockRate: 90000 };
const H264_MAIN: CodecPreference = { ...H264, fmtp: { 'packetization-mode': '1', 'profile-level-id': '4d0028' } };
const H264_SINGLE: CodecPreference = { ...H264, fmtp: { 'profile-level-id': '42e01f' } };

/** What a peer would answer our offer with. */
function answerText(offer: string, ...attributes: string[]): SessionDescription {
  return parseDescription(
    [
      'v=0',
      'o=- 5 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      offer,
      'a=ice-ufrag:wxyz',
      'a=ice-pwd:abcdefghijklmnopqrstuvwx',
      'a=recvonly',
      'a=mid:video0',
      ...attributes,
    ].join('\r\n'),
  );
}

describe('negotiate', () => {
  const offer = offerOf([media(video([H264, VP8]))]).description;

  it('takes the answer’s first media codec, its rtx and extension id', () => {
    const [agreed] = negotiate(
      offer,
      answerText(
        'm=video 9 UDP/TLS/RTP/SAVPF 97 99',
        'a=rtpmap:97 VP8/90000',
        'a=rtcp-fb:97 nack',
        'a=rtcp-fb:97 transport-cc',
        'a=rtcp-fb:97 goog-remb',
        'a=rtpmap:99 rtx/90000',
        'a=fmtp:99 apt=97',
        'a=extmap:1 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      ),
      'remote',
    );
    expect(agreed).toMatchObject({
      accepted: true,
      direction: 'sendonly',
      codec: {
        name: 'VP8',
        payloadType: 97,
        clockRate: 90000,
        rtxPayloadType: 99,
        rtcpFeedback: ['nack', 'transport-cc', 'goog-remb'],
      },
      extensions: { transportCc: 1 },
    });
  });

  it('looks past rtx, red, unknown numbers and formats without a rtpmap that stand first', () => {
    const [agreed] = negotiate(
      offer,
      answerText(
        'm=video 9 UDP/TLS/RTP/SAVPF 98 110 111 112 97',
        'a=rtpmap:98 rtx/90000',
        'a=fmtp:98 apt=96',
        'a=rtpmap:110 red/90000',
        'a=rtpmap:112 THEORA/90000',
        'a=rtpmap:97 VP8/90000',
      ),
      'remote',
    );
    expect(agreed!.codec).toMatchObject({ name: 'VP8', payloadType: 97 });
    expect(agreed!.codec!.rtxPayloadType).toBeUndefined();
  });

  it('sends under the number the peer gave the codec, and tells what the peer can decode', () => {
    const [agreed] = negotiate(
      offer,
      answerText(
        'm=video 9 UDP/TLS/RTP/SAVPF 120',
        'a=rtpmap:120 H264/90000',
        'a=fmtp:120 profile-level-id=42e00d;packetization-mode=1',
      ),
      'remote',
    );
    expect(agreed!.codec).toMatchObject({ name: 'H264', payloadType: 120, fmtp: { 'profile-level-id': '42e00d' } });
  });

  it('trusts a repeated number whose fmtp the peer left out, but not another packetization mode', () => {
    const bare = answerText('m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 H264/90000');
    const single = answerText('m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=0');
    expect(negotiate(offer, bare, 'remote')[0]!.codec?.payloadType).toBe(96);
    expect(negotiate(offer, single, 'remote')[0]!.accepted).toBe(false);
  });

  it.each([
    ['port 0', 'm=video 0 UDP/TLS/RTP/SAVPF 96'],
    ['another protocol', 'm=video 9 RTP/TCP 96'],
  ])('sees an m-line rejected: %s', (_, line) => {
    const [agreed] = negotiate(offer, answerText(line, 'a=rtpmap:96 H264/90000'), 'remote');
    expect(agreed).toMatchObject({ accepted: false, direction: 'inactive', codec: undefined });
  });

  it('keeps the codec while a later answer still lists it', () => {
    const first = answerText('m=video 9 UDP/TLS/RTP/SAVPF 97', 'a=rtpmap:97 VP8/90000');
    const codec = negotiate(offer, first, 'remote')[0]!.codec;
    const reordered = answerText(
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
      'a=rtpmap:96 H264/90000',
      'a=fmtp:96 packetization-mode=1',
      'a=rtpmap:97 VP8/90000',
    );
    expect(negotiate(offer, reordered, 'remote', [codec])[0]!.codec?.name).toBe('VP8');
    expect(negotiate(offer, reordered, 'remote')[0]!.codec?.name).toBe('H264');
  });

  describe('with FEC', () => {
    const fecOffer = offerOf([media({ ...video([VP8, H264]), fec: true })]).description; // red 98, 102
    const fecOf = (...lines: string[]) => {
      const [agreed] = negotiate(fecOffer, answerText(lines[0]!, ...lines.slice(1)), 'remote');
      const { name, redPayloadType, ulpfecPayloadType, redRtxPayloadType } = agreed!.codec!;
      return [name, redPayloadType, ulpfecPayloadType, redRtxPayloadType];
    };
    const codecs = ['a=rtpmap:96 VP8/90000', 'a=rtpmap:97 H264/90000', 'a=fmtp:97 packetization-mode=1'];
    const fec = ['a=rtpmap:102 red/90000', 'a=rtpmap:103 ulpfec/90000', 'a=rtpmap:105 rtx/90000', 'a=fmtp:105 apt=102'];

    it('takes the pair that is left, whichever codec it was offered for', () => {
      expect(fecOf('m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 105', ...codecs, ...fec)).toEqual(['VP8', 102, 103, 105]);
      expect(fecOf('m=video 9 UDP/TLS/RTP/SAVPF 97 96 102 103', ...codecs, ...fec)).toEqual(['H264', 102, 103, undefined]);
    });

    it('takes the first red and the first ulpfec of several, as Chromium does', () => {
      const all = ['a=rtpmap:98 red/90000', 'a=rtpmap:99 ulpfec/90000', 'a=rtpmap:101 rtx/90000', 'a=fmtp:101 apt=98'];
      const line = 'm=video 9 UDP/TLS/RTP/SAVPF 97 98 99 101 102 103 105';
      expect(fecOf(line, ...codecs, ...all, ...fec)).toEqual(['H264', 98, 99, 101]);
    });

    it('sends under the numbers that the peer gave them', () => {
      const renumbered = ['a=rtpmap:120 red/90000', 'a=rtpmap:121 ulpfec/90000', 'a=rtpmap:122 rtx/90000', 'a=fmtp:122 apt=120'];
      expect(fecOf('m=video 9 UDP/TLS/RTP/SAVPF 96 120 121 122', ...codecs, ...renumbered)).toEqual(['VP8', 120, 121, 122]);
    });

    it('has none where the answer left one of the two out', () => {
      const none = ['VP8', undefined, undefined, undefined];
      expect(fecOf('m=video 9 UDP/TLS/RTP/SAVPF 96 102', ...codecs, ...fec)).toEqual(none);
      expect(fecOf('m=video 9 UDP/TLS/RTP/SAVPF 96 103', ...codecs, ...fec)).toEqual(none);
    });

    it('agrees with itself on what it answered Chromium', () => {
      const chromium = parseDescription(CHROMIUM_OFFER);
      const sections = [
        { ...audio([OPUS]), fec: true },
        { ...video([VP8]), fec: true },
      ];
      const answer = createAnswer({ offer: chromium, transport: REMOTE_TRANSPORT, sections });
      const [sound, picture] = negotiate(answer, chromium, 'local');
      expect(sound!.codec).toMatchObject({ payloadType: 111, redPayloadType: 63 });
      expect(sound!.codec!.ulpfecPayloadType).toBeUndefined();
      expect(picture!.codec).toMatchObject({
        payloadType: 96,
        redPayloadType: 116,
        ulpfecPayloadType: 118,
        redRtxPayloadType: 117,
      });
    });
  });

  it('lists the streams of a sending peer without their repair streams', () => {
    const local = offerOf([media(video([VP8], 'recvonly'))]).description;
    const remote = createAnswer({ offer: local, transport: REMOTE_TRANSPORT, sections: [video([VP8])] });
    expect(negotiate(local, remote, 'remote')[0]!.remoteSources).toEqual([
      { ssrc: 1111, rtxSsrc: 2222, cname: 'user1@host-1', streamId: 'stream0' },
    ]);
  });

  it('takes an unbundled second m-line for rejected', () => {
    const two = offerOf([media(video([VP8])), media(audio([OPUS]))]).description;
    const answer = createAnswer({
      offer: two,
      transport: REMOTE_TRANSPORT,
      sections: [video([VP8], 'recvonly'), audio([OPUS], 'recvonly')],
    });
    expect(negotiate(two, answer, 'remote').map((a) => a.accepted)).toEqual([true, true]);
    const split = { ...answer, bundle: [], media: answer.media.map((m, i) => ({ ...m, usernameFragment: `ufrag${i}` })) };
    expect(negotiate(two, split, 'remote').map((a) => a.accepted)).toEqual([true, false]);
  });

  it('accepts all media of a peer without BUNDLE that repeats its credentials', () => {
    const two = offerOf([media(video([VP8])), media(audio([OPUS]))]).description;
    const sections = [video([VP8], 'recvonly'), audio([OPUS], 'recvonly')];
    const answer = { ...createAnswer({ offer: two, transport: REMOTE_TRANSPORT, sections }), bundle: [] };
    expect(negotiate(two, answer, 'remote').map((a) => a.accepted)).toEqual([true, true]);
  });

  it('comes to the same codec on both sides, whatever the wishes', () => {
    const codecs = fc.uniqueArray(fc.constantFrom(H264, H264_MAIN, H264_SINGLE, VP8, VP9, AV1), { minLength: 1 });
    const direction = fc.constantFrom<Direction>('sendonly', 'recvonly', 'sendrecv');
    const side = fc.record({ codecs, direction, retransmission: fc.boolean(), fec: fc.boolean(), transportCc: fc.boolean() });
    fc.assert(
      fc.property(side, side, fc.boolean(), (offerer, answerer, withAudio) => {
        const localMedia = { ...video(offerer.codecs, offerer.direction), ...offerer };
        const sections = [media(localMedia), ...(withAudio ? [media(audio([OPUS]))] : [])];
        const offered = parseDescription(offerOf(sections).text);
        const remoteMedia = { ...video(answerer.codecs, answerer.direction), ...answerer };
        const answer = createAnswer({
          offer: offered,
          transport: REMOTE_TRANSPORT,
          sections: [remoteMedia, ...(withAudio ? [audio([OPUS], 'recvonly')] : [])],
        });
        const answered = parseDescription(writeDescription(answer));
        const here = negotiate(offered, answered, 'remote');
        const there = negotiate(answered, offered, 'local');
        expect(here.map((a) => a.accepted)).toEqual(there.map((a) => a.accepted));
        for (const [index, mine] of here.entries()) {
          const theirs = there[index]!;
          expect(mine.codec?.name).toBe(theirs.codec?.name);
          expect(mine.codec?.payloadType).toBe(theirs.codec?.payloadType);
          expect(mine.codec?.rtxPayloadType).toBe(theirs.codec?.rtxPayloadType);
          expect(mine.codec?.redPayloadType).toBe(theirs.codec?.redPayloadType);
          expect(mine.codec?.ulpfecPayloadType).toBe(theirs.codec?.ulpfecPayloadType);
          expect(mine.codec?.redRtxPayloadType).toBe(theirs.codec?.redRtxPayloadType);
          expect(mine.codec?.rtcpFeedback).toEqual(theirs.codec?.rtcpFeedback);
          expect(mine.extensions).toEqual(theirs.extensions);
        }
        if (here[0]!.codec) expect(here[0]!.codec.redPayloadType !== undefined).toBe(offerer.fec && answerer.fec);
        const bothReceive = offerer.direction === 'recvonly' && answerer.direction === 'recvonly';
        const bothSend = offerer.direction === 'sendonly' && answerer.direction === 'sendonly';
        const sameCodec = offerer.codecs.some((codec) => answerer.codecs.includes(codec));
        if (sameCodec && !bothReceive && !bothSend) expect(here[0]!.codec).toBeDefined();
        if (bothReceive || bothSend) expect(here[0]!.accepted).toBe(false);
      }),
      { seed: 4, numRuns: 400 },
    );
  });

  it('agrees with itself on what it answered Chromium', () => {
    const chromium = parseDescription(CHROMIUM_OFFER);
    const answer = createAnswer({
      offer: chromium,
      transport: REMOTE_TRANSPORT,
      sections: [audio([OPUS]), video([VP8, H264]), 'application'],
    });
    const agreed = negotiate(answer, chromium, 'local');
    expect(agreed.map((a) => [a.accepted, a.direction, a.codec?.payloadType, a.codec?.rtxPayloadType])).toEqual([
      [true, 'sendonly', 111, undefined],
      [true, 'sendonly', 96, 97],
      [true, 'sendrecv', undefined, undefined],
    ]);
    expect(agreed[1]!.extensions).toEqual({ transportCc: 3 });
  });
});
