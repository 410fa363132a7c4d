import { describe, expect, it } from 'vitest';
import type { CodecPreference } from './codecs.ts';
import { PayloadTypes } from './payload-types.ts';
import { audio, H264, media, OPUS, offerOf, TRANSPORT, VP8, video } from './session.testing.ts';

const FINGERPRINT = TRANSPORT.fingerprints[0]!.value;

describe('createOffer', () => {
  it('offers one VP8 stream line by line as the GStreamer family does', () => {
    expect(offerOf([media(video([VP8]))]).lines).toEqual([
      'v=0',
      'o=- 1234567890123456789 0 IN IP4 0.0.0.0',
      's=-',
      't=0 0',
      'a=ice-options:trickle',
      'a=group:BUNDLE video0',
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
      'c=IN IP4 0.0.0.0',
      'a=setup:actpass',
      'a=ice-ufrag:abcd1234',
      'a=ice-pwd:abcdefghijklmnopqrstuvwx',
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=sendonly',
      'a=msid:stream0 track0',
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 ccm fir',
      'a=rtcp-fb:96 transport-cc',
      'a=rtcp-fb:96 goog-remb',
      'a=extmap:1 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=ssrc-group:FID 1111 2222',
      'a=ssrc:1111 msid:stream0 track0',
      'a=ssrc:1111 cname:user1@host-1',
      'a=ssrc:2222 msid:stream0 track0',
      'a=ssrc:2222 cname:user1@host-1',
      'a=mid:video0',
      `a=fingerprint:sha-256 ${FINGERPRINT}`,
      'a=rtcp-mux-only',
    ]);
  });

  it('offers the playout delay, the capture time and the NTP time under the ids behind the original ones', () => {
    const wanted = { playoutDelay: true, captureTime: true, ntp64: true };
    const { lines } = offerOf([media({ ...video([VP8]), ...wanted }), media(audio([OPUS]))]);
    const extensions = lines.filter((line) => /^a=extmap:[348]/.test(line));
    expect(extensions).toEqual([
      'a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
      'a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
      'a=extmap:8 urn:ietf:params:rtp-hdrext:ntp-64',
    ]);
  });

  it('numbers media first, then repair, and bundles the later m-lines and the data channel on the first', () => {
    const { lines, description } = offerOf([
      media(video([H264, VP8])),
      media(audio([OPUS])),
      { type: 'application', mid: 'application2' },
    ]);
    expect(lines).toContain('a=group:BUNDLE video0 audio1 application2');
    expect(lines.filter((line) => line.startsWith('m='))).toEqual([
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97 99 100',
      'm=audio 0 UDP/TLS/RTP/SAVPF 98',
      'm=application 0 UDP/DTLS/SCTP webrtc-datachannel',
    ]);
    expect(lines.filter((line) => line === 'a=bundle-only')).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('a=rtpmap'))).toEqual([
      'a=rtpmap:96 H264/90000',
      'a=rtpmap:97 VP8/90000',
      'a=rtpmap:99 rtx/90000',
      'a=rtpmap:100 rtx/90000',
      'a=rtpmap:98 opus/48000/2',
    ]);
    expect(lines.filter((line) => line.startsWith('a=fmtp'))).toEqual([
      'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1',
      'a=fmtp:99 apt=96',
      'a=fmtp:100 apt=97',
      'a=fmtp:98 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1',
    ]);
    const [, opus, application] = description.media;
    expect(opus!.formats[0]!.rtcpFeedback).toEqual(['transport-cc']);
    expect(opus!.sources).toEqual([{ ssrc: 3333, cname: 'user1@host-1', msid: { stream: 'stream0', track: 'track0' } }]);
    expect(application).toMatchObject({ sctpPort: 5000, mid: 'application2', setup: 'actpass', rtcpMux: false });
    // The application section carries nothing that belongs to RTP.
    const at = lines.findIndex((line) => line.startsWith('m=application'));
    expect(lines.slice(at).some((line) => /rtcp|rtpmap|extmap|ssrc|sendrecv/.test(line))).toBe(false);
  });

  it('announces mono Opus without stereo', () => {
    const { lines } = offerOf([media(audio([{ ...OPUS, channels: 1 }]))]);
    expect(lines).toContain('a=rtpmap:96 opus/48000/2');
    expect(lines).toContain('a=fmtp:96 minptime=10;useinbandfec=1');
  });

  it('offers neither nack nor rtx nor their SSRC without retransmission, nor transport-cc where it is off', () => {
    const { text } = offerOf([media({ ...video([VP8]), retransmission: false, transportCc: false })]);
    expect(text).not.toMatch(/rtx|nack\r|FID|2222|transport-cc|goog-remb|extmap/);
    expect(text).toContain('a=rtcp-fb:96 nack pli');
  });

  it('offers red, ulpfec, rtx and the rtx of red for each codec with FEC, and red for no audio', () => {
    const { lines, description } = offerOf([media({ ...video([VP8, H264]), fec: true }), media({ ...audio([OPUS]), fec: true })]);
    expect(description.media[0]!.formatList.join(' ')).toBe('96 97 99 100 101 102 103 104 105 106');
    expect(description.media[1]!.formatList).toEqual(['98']);
    const repair = lines.filter((line) => /^a=(rtpmap|fmtp|rtcp-fb):(99|10\d) /.test(line));
    expect(repair).toEqual([
      'a=rtpmap:99 red/90000',
      'a=rtpmap:100 ulpfec/90000',
      'a=rtpmap:101 rtx/90000',
      'a=fmtp:101 apt=96',
      'a=rtpmap:102 rtx/90000',
      'a=fmtp:102 apt=99',
      'a=rtpmap:103 red/90000',
      'a=rtpmap:104 ulpfec/90000',
      'a=rtpmap:105 rtx/90000',
      'a=fmtp:105 apt=97',
      'a=rtpmap:106 rtx/90000',
      'a=fmtp:106 apt=103',
    ]);
  });

  it('offers red and ulpfec alone with FEC and without retransmission', () => {
    const { lines, description } = offerOf([media({ ...video([VP8]), fec: true, retransmission: false })]);
    expect(description.media[0]!.formatList).toEqual(['96', '97', '98']);
    expect(lines.filter((line) => line.startsWith('a=rtpmap'))).toEqual([
      'a=rtpmap:96 VP8/90000',
      'a=rtpmap:97 red/90000',
      'a=rtpmap:98 ulpfec/90000',
    ]);
    expect(description.media[0]!.sourceGroups).toEqual([]);
  });

  it('announces no stream of its own when it only receives', () => {
    const { text } = offerOf([media(video([VP8], 'recvonly'))]);
    expect(text).toContain('a=recvonly');
    expect(text).not.toMatch(/ssrc|msid/);
  });

  it('repeats the same m-lines on a re-offer, with the setup in force, and marks only the new one rtcp-mux-only', () => {
    const payloadTypes = new PayloadTypes();
    const sections = [media(video([H264, VP8])), { type: 'application' as const, mid: 'application1' }];
    const first = offerOf(sections, { payloadTypes });
    const previous = { ...first.description, media: first.description.media.map((m) => ({ ...m, setup: 'active' as const })) };
    const again = offerOf([...sections, media(audio([OPUS], 'sendonly', 'audio2'))], {
      payloadTypes,
      previous,
      sessionVersion: '1',
    });
    expect(again.description.media.map((m) => m.mid)).toEqual(['video0', 'application1', 'audio2']);
    expect(again.description.media.map((m) => m.setup)).toEqual(['active', 'active', 'actpass']);
    expect(again.description.media.map((m) => m.rtcpMuxOnly)).toEqual([false, false, true]);
    expect(again.description.media[0]!.formats).toEqual(first.description.media[0]!.formats);
    expect(again.lines[1]).toBe('o=- 1234567890123456789 1 IN IP4 0.0.0.0');
  });

  it('keeps the place of a rejected m-line and moves the port 9 to the first living one', () => {
    const { description } = offerOf([media(video([VP8])), media(audio([OPUS]))]);
    const again = offerOf([{ type: 'dead', description: description.media[0]! }, media(audio([OPUS]))], {
      previous: description,
    });
    expect(again.description.media.map((m) => [m.mid, m.port, m.bundleOnly])).toEqual([
      ['video0', 0, false],
      ['audio1', 9, false],
    ]);
    expect(again.description.bundle).toEqual(['audio1']);
  });
});

describe('PayloadTypes', () => {
  it('gives the numbers of the GStreamer family for all its codecs', () => {
    const codecs = ['VP8', 'H264', 'VP9', 'H265', 'AV1'].map((name): CodecPreference => ({ name, clockRate: 90000 }));
    const { description } = offerOf([media(video(codecs)), media(audio([OPUS]))]);
    expect(description.media[0]!.formatList).toEqual(['96', '97', '98', '99', '100', '102', '103', '104', '105', '106']);
    expect(description.media[1]!.formatList).toEqual(['101']);
  });

  it('orders a codec’s repair formats red, ulpfec, rtx, rtx of red', () => {
    const types = new PayloadTypes();
    const vp8 = types.media(VP8)!;
    const red = types.repair('red', vp8)!;
    const numbers = [vp8, red, types.repair('ulpfec', vp8), types.repair('rtx', vp8), types.repair('rtx', red)];
    expect(numbers).toEqual([96, 97, 98, 99, 100]);
  });

  it('shares a number between m-lines with the same codec, and tells apart what only the fmtp tells apart', () => {
    const types = new PayloadTypes();
    expect(types.media(VP8)).toBe(types.media({ name: 'vp8', clockRate: 90000 }));
    expect(types.media(H264)).not.toBe(types.media({ ...H264, fmtp: { 'packetization-mode': '0' } }));
  });

  it('leaves out what finds no number, and never takes a reserved one', () => {
    const types = new PayloadTypes();
    types.reserve(96);
    const given = Array.from({ length: 40 }, (_, i) => types.media({ name: `X${i}`, clockRate: 90000 }));
    expect(given[0]).toBe(97);
    expect(given.filter((n) => n !== undefined)).toHaveLength(31);
    expect(given[35]).toBeUndefined();
  });
});
