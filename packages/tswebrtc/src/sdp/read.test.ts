import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TsWebRTCError } from '../common/errors.ts';
import { parseDescription } from './read.ts';
import { CHROMIUM_OFFER, FIREFOX_OFFER } from './samples.testing.ts';
import { audio, H264, media, OPUS, offerOf, VP8, video } from './session.testing.ts';
import { writeDescription } from './write.ts';

interface ParsedMedia {
  readonly payloads: string;
  readonly rtp: { payload: number; codec: string; rate: number }[];
  readonly ssrcGroups?: { semantics: string; ssrcs: string }[];
  readonly iceUfrag?: string;
}

/** An independent reader. It has no types. */
const sdpTransform: { parse(sdp: string): { groups?: { type: string; mids: string }[]; media: ParsedMedia[] } } = createRequire(
  import.meta.url,
)('sdp-transform');

describe('parseDescription', () => {
  it('reads what Chromium writes', () => {
    const { media: sections, bundle, sessionId } = parseDescription(CHROMIUM_OFFER);
    expect(sessionId).toBe('7596991810024734139');
    expect(bundle).toEqual(['0', '1', '2']);
    const [sound, picture, application] = sections;
    expect(sound).toMatchObject({ kind: 'audio', mid: '0', direction: 'recvonly', setup: 'actpass', usernameFragment: '4ZcD' });
    expect(sound!.formats[0]).toEqual({
      payloadType: 111,
      name: 'opus',
      clockRate: 48000,
      channels: 2,
      fmtp: { minptime: '10', useinbandfec: '1' },
      rtcpFeedback: ['transport-cc'],
    });
    expect(sound!.formats.map((f) => f.name)).toContain('PCMU');
    expect(picture!.formats.find((f) => f.payloadType === 109)!.fmtp).toEqual({
      'level-asymmetry-allowed': '1',
      'packetization-mode': '1',
      'profile-level-id': '42e01f',
    });
    expect(picture!.extensions).toContainEqual({
      id: 3,
      uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    });
    expect(application).toMatchObject({ kind: 'application', sctpPort: 5000, maxMessageSize: 262144 });
  });

  it('reads what Firefox writes: session-level fingerprint, candidates, braces', () => {
    const { media: sections, iceOptions } = parseDescription(FIREFOX_OFFER);
    const [sound, picture] = sections;
    expect(iceOptions).toEqual(['trickle']);
    expect(sound!.fingerprints).toHaveLength(1);
    expect(picture!.fingerprints).toEqual(sound!.fingerprints);
    expect(sound!.candidates).toEqual([
      'candidate:0 1 UDP 2122252543 192.0.2.7 40678 typ host',
      'candidate:1 1 TCP 2105524479 192.0.2.7 9 typ host tcptype active',
      'candidate:2 1 UDP 1686052863 203.0.113.9 51000 typ srflx raddr 192.0.2.7 rport 40678',
    ]);
    expect(sound!.endOfCandidates).toBe(true);
    expect(sound!.msid?.stream).toBe('{0d9bd7a2-5ef5-4e42-a0f2-1f4ad3d0a2a1}');
    expect(sound!.sources).toEqual([{ ssrc: 2655508255, cname: '{735484ea-4f6c-f74a-bd66-7425f8476c2e}' }]);
    expect(picture).toMatchObject({ port: 0, bundleOnly: true, direction: 'recvonly' });
  });

  it('takes session-level credentials, setup, direction and ice-lite, and lets an m-line say otherwise', () => {
    const text = [
      'v=0',
      'o=- 1 1 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'a=ice-lite',
      'a=ice-ufrag:session1',
      'a=ice-pwd:passwordpasswordpassword',
      'a=setup:passive',
      'a=recvonly',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=rtpmap:111 opus/48000/2',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=ice-ufrag:ownown',
      'a=sendonly',
      'a=rtcp-fb:* nack pli',
      'a=rtpmap:96 VP8/90000',
    ].join('\n');
    const { iceLite, media: sections } = parseDescription(text);
    expect(iceLite).toBe(true);
    expect(sections[0]).toMatchObject({ usernameFragment: 'session1', setup: 'passive', direction: 'recvonly' });
    expect(sections[1]).toMatchObject({
      usernameFragment: 'ownown',
      direction: 'sendonly',
      password: 'passwordpasswordpassword',
    });
    expect(sections[1]!.formats[0]!.rtcpFeedback).toEqual(['nack pli']);
  });

  it('passes over attributes that make no sense and keeps the rest', () => {
    const { media: sections } = parseDescription(
      'v=0\r\no=- 1 1 IN IP4 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 300 x 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 broken\r\n' +
        'a=rtpmap:300 VP9/90000\r\na=ssrc:99999999999 cname:a\r\na=ssrc:abc cname:b\r\na=extmap:0 urn:x\r\na=ice-pwd:short\r\n' +
        'a=fingerprint:sha-256 nonsense\r\na=fmtp:96\r\na=setup:sideways\r\na=sctp-port:hello\r\n',
    );
    expect(sections[0]!.formats.map((f) => f.name)).toEqual(['VP8']);
    expect(sections[0]).toMatchObject({ sources: [], extensions: [], password: undefined, fingerprints: [], setup: undefined });
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['white space', ' \r\n ', 'is empty'],
    ['a word', 'hello', 'does not begin with v=0'],
    ['JSON', '{"type":"offer"}', 'does not begin with v=0'],
    ['version 1', 'v=1\r\n', 'does not begin with v=0'],
    ['a line without a type', 'v=0\r\nnonsense\r\n', 'line 2 that is not of the form letter=value'],
    ['a broken o= line', 'v=0\r\no=nonsense\r\n', 'o= line 2'],
    ['a broken m= line', 'v=0\r\nm=video\r\n', 'm= line 2'],
    ['a port out of range', 'v=0\r\nm=video 99999 RTP/SAVPF 96\r\n', 'port 99999'],
    ['two m-lines of one mid', 'v=0\r\nm=video 9 X 1\r\na=mid:a\r\nm=video 9 X 1\r\na=mid:a\r\n', 'two m-lines the mid "a"'],
    ['an endless line', `v=0\r\na=${'x'.repeat(20_000)}\r\n`, 'line 2 longer than'],
    ['countless m-lines', `v=0\r\n${'m=video 9 X 1\r\n'.repeat(300)}`, 'more than 256 m-lines'],
    ['an endless text', `v=0\r\n${'a=x\r\n'.repeat(200_000)}`, 'longer than'],
  ])('refuses %s with one clear sentence', (_, text, sentence) => {
    expect(() => parseDescription(text)).toThrowError(sentence);
    try {
      parseDescription(text);
    } catch (error) {
      expect(error).toBeInstanceOf(TsWebRTCError);
      expect((error as TsWebRTCError).code).toBe('INVALID_SDP');
      expect((error as TsWebRTCError).message).toMatch(/^The session description .*\.$/);
    }
  });

  it('never throws anything but INVALID_SDP, whatever the text', () => {
    const attempt = (text: string): void => {
      try {
        const parsed = parseDescription(text);
        // What was read can be written, and reads as the same again.
        expect(parseDescription(writeDescription(parsed))).toEqual(parsed);
      } catch (error) {
        if (!(error instanceof TsWebRTCError) || error.code !== 'INVALID_SDP') throw error;
      }
    };
    const samples = [CHROMIUM_OFFER, FIREFOX_OFFER, offerOf([media(video([H264, VP8])), media(audio([OPUS]))]).text];
    const mutated = fc
      .tuple(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(6000), fc.nat(40), fc.string({ maxLength: 20 })), { minLength: 1, maxLength: 6 }),
      )
      .map(([sample, cuts]) =>
        cuts.reduce((text, [at, length, insert]) => {
          const from = at % text.length;
          return text.slice(0, from) + insert + text.slice(from + length);
        }, sample),
      );
    const attributes = fc
      .array(
        fc.tuple(
          fc.constantFrom('rtpmap', 'fmtp', 'rtcp-fb', 'ssrc', 'ssrc-group', 'extmap', 'candidate', 'mid', 'msid', 'fingerprint'),
          fc.string({ maxLength: 30 }),
        ),
        { maxLength: 20 },
      )
      .map((list) => `v=0\r\nm=video 9 RTP/SAVPF 96\r\n${list.map(([name, value]) => `a=${name}:96 ${value}`).join('\r\n')}`);
    fc.assert(fc.property(fc.string({ maxLength: 200, unit: 'binary' }), attempt), { seed: 1, numRuns: 300 });
    fc.assert(fc.property(mutated, attempt), { seed: 2, numRuns: 1500 });
    fc.assert(fc.property(attributes, attempt), { seed: 3, numRuns: 500 });
  });

  it('takes the largest description it allows in a moment', () => {
    const line = 'a=candidate:1 1 UDP 2122252543 192.0.2.7 40678 typ host\r\n';
    const text = `v=0\r\nm=audio 9 RTP/SAVPF 96\r\n${line.repeat(9000)}`;
    const start = performance.now();
    expect(parseDescription(text).media[0]!.candidates.length).toBeLessThanOrEqual(128);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('writeDescription', () => {
  it('writes offers another reader understands alike', () => {
    const { text, description } = offerOf([
      media(video([H264, VP8])),
      media(audio([OPUS])),
      { type: 'application', mid: 'application2' },
    ]);
    const read = sdpTransform.parse(text);
    expect(read.groups).toEqual([{ type: 'BUNDLE', mids: 'video0 audio1 application2' }]);
    expect(read.media.map((m) => String(m.payloads))).toEqual(description.media.map((m) => m.formatList.join(' ')));
    expect(read.media[0]!.rtp.map((r) => `${r.payload} ${r.codec}/${r.rate}`)).toEqual([
      '96 H264/90000',
      '97 VP8/90000',
      '99 rtx/90000',
      '100 rtx/90000',
    ]);
    expect(read.media[0]!.ssrcGroups).toEqual([{ semantics: 'FID', ssrcs: '1111 2222' }]);
    expect(read.media.map((m) => m.iceUfrag)).toEqual(['abcd1234', 'abcd1234', 'abcd1234']);
    expect(parseDescription(text)).toEqual(description);
  });
});
