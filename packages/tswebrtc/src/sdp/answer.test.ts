import { describe, expect, it } from 'vitest';
import { createAnswer } from './answer.ts';
import { parseDescription } from './read.ts';
import { CHROMIUM_OFFER, FIREFOX_OFFER } from './samples.testing.ts';
import { audio, H264, media, OPUS, offerOf, REMOTE_TRANSPORT, TRANSPORT, VP8, VP9, video } from './session.testing.ts';
import { writeDescription } from './write.ts';

const answerTo = (offer: string, sections: Parameters<typeof createAnswer>[0]['sections']) =>
  createAnswer({ offer: parseDescription(offer), transport: TRANSPORT, sections });

describe('createAnswer', () => {
  it('answers a Chromium that wants to watch with our first codec first, under its numbers, with its rtx', () => {
    const answer = answerTo(CHROMIUM_OFFER, [audio([OPUS]), video([H264, VP8]), 'application']);
    const text = writeDescription(answer);
    expect(text).toContain('o=- 7596991810024734139 2 IN IP4 0.0.0.0');
    expect(text).toContain('a=group:BUNDLE 0 1 2\r\n');
    const [sound, picture, application] = answer.media;
    expect(sound).toMatchObject({ port: 9, mid: '0', setup: 'active', direction: 'sendonly', formatList: ['111'] });
    // Constrained baseline with packetization mode 1 is 109: neither baseline (103) nor mode 0 (107).
    expect(picture).toMatchObject({ port: 9, mid: '1', setup: 'active', direction: 'sendonly' });
    expect(picture!.formatList).toEqual(['109', '96', '114', '97']);
    expect(picture!.formats[0]).toMatchObject({
      name: 'H264',
      fmtp: { 'profile-level-id': '42e01f', 'packetization-mode': '1', 'level-asymmetry-allowed': '1' },
    });
    expect([...picture!.formats[0]!.rtcpFeedback].sort()).toEqual(['ccm fir', 'goog-remb', 'nack', 'nack pli', 'transport-cc']);
    expect(picture!.extensions).toEqual([
      { id: 3, uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01' },
    ]);
    expect(picture!.sourceGroups).toEqual([{ semantics: 'FID', ssrcs: [1111, 2222] }]);
    expect(picture!.rtcpReducedSize).toBe(false);
    expect(application).toMatchObject({ port: 9, sctpPort: 5000, setup: 'active' });
  });

  it('answers Firefox, whose second m-line waits for the bundle with port 0', () => {
    const answer = answerTo(FIREFOX_OFFER, [audio([OPUS]), video([VP8, H264]), undefined]);
    expect(answer.media.map((m) => m.port)).toEqual([9, 9, 0]);
    expect(answer.bundle).toEqual(['0', '1']);
    expect(answer.media[1]!.formatList).toEqual(['120', '126', '124', '127']);
    expect(answer.media[1]!.extensions[0]!.id).toBe(7);
    expect(answer.iceOptions).toEqual(['trickle']);
  });

  it('sends to a peer that only decodes a better profile, up to its level', () => {
    const { description } = offerOf([
      media(video([{ ...H264, fmtp: { 'packetization-mode': '1', 'profile-level-id': '640034' } }], 'recvonly')),
    ]);
    const sections = [video([H264])];
    const sending = createAnswer({ offer: description, transport: REMOTE_TRANSPORT, sections });
    expect(sending.media[0]!.formats[0]!.fmtp['profile-level-id']).toBe('640034');
  });

  it('takes RFC 8888 feedback only from a peer that offers no transport-wide feedback', () => {
    const both = CHROMIUM_OFFER.replaceAll('a=rtpmap:96 VP8/90000', 'a=rtpmap:96 VP8/90000\r\na=rtcp-fb:* ack ccfb');
    const feedback = (offer: string, section = video([VP8])): readonly string[] =>
      answerTo(offer, [undefined, section]).media[1]!.formats[0]!.rtcpFeedback;
    expect(feedback(both)).toContain('transport-cc');
    expect(feedback(both)).not.toContain('ack ccfb');
    const alone = both.replaceAll(/a=rtcp-fb:\d+ transport-cc\r?\n/g, '');
    expect(feedback(alone)).toContain('ack ccfb');
    // Feedback about numbers that no packet carries is none.
    expect(feedback(both.replaceAll(/a=extmap:\d+ \S+transport-wide-cc-extensions-01\r?\n/g, ''))).toContain('ack ccfb');
    expect(feedback(alone, { ...video([VP8]), transportCc: false })).not.toContain('ack ccfb');
    expect(feedback(alone, { ...video([VP8]), transportCc: false })).not.toContain('goog-remb');
  });

  it('re-attaches neither rtx nor nack where we do not retransmit', () => {
    const answer = answerTo(CHROMIUM_OFFER, [undefined, { ...video([VP8]), retransmission: false }]);
    expect(answer.media[1]!.formatList).toEqual(['96']);
    expect(answer.media[1]!.formats[0]!.rtcpFeedback).not.toContain('nack');
    expect(answer.media[1]!.sources.map((s) => s.ssrc)).toEqual([1111]);
  });

  it('re-attaches the offer’s red, ulpfec and rtx of red with FEC, and red behind Opus', () => {
    const answer = answerTo(CHROMIUM_OFFER, [
      { ...audio([OPUS]), fec: true },
      { ...video([H264, VP8]), fec: true },
    ]);
    expect(answer.media[0]!.formatList).toEqual(['111', '63']);
    expect(answer.media[1]!.formatList).toEqual(['109', '96', '116', '118', '114', '97', '117']);
    const text = writeDescription(answer);
    for (const line of ['rtpmap:63 red/48000/2', 'fmtp:63 111/111', 'rtpmap:116 red/90000', 'fmtp:117 apt=116']) {
      expect(text).toContain(`a=${line}\r\n`);
    }
    const plain = answerTo(CHROMIUM_OFFER, [undefined, { ...video([VP8]), fec: true, retransmission: false }]);
    expect(plain.media[1]!.formatList).toEqual(['96', '116', '118']);
  });

  it('takes no red that is for another codec or has no ulpfec beside it', () => {
    const sections = [
      { ...audio([OPUS]), fec: true },
      { ...video([VP8]), fec: true },
    ];
    const foreign = CHROMIUM_OFFER.replace('a=fmtp:63 111/111', 'a=fmtp:63 9/9').replace(/a=rtpmap:118.*\r\n/, '');
    expect(answerTo(foreign, sections).media.map((m) => m.formatList.slice(0, 3))).toEqual([
      ['111'],
      ['96', '97'],
      ['webrtc-datachannel'],
    ]);
    for (const fmtp of ['', 'a=fmtp:63 111\r\n', 'a=fmtp:63 0-15/\r\n', 'a=fmtp:63 /\r\n']) {
      const odd = CHROMIUM_OFFER.replace('a=fmtp:63 111/111\r\n', fmtp);
      expect(answerTo(odd, sections).media[0]!.formatList).toEqual(['111']);
    }
  });

  it('rejects what nothing answers, has no common codec or asks for what we do not do, and leaves it out of the bundle', () => {
    const answer = answerTo(CHROMIUM_OFFER, [
      audio([OPUS], 'recvonly'),
      video([{ name: 'H265', clockRate: 90000 }]),
      'application',
    ]);
    expect(answer.media.map((m) => [m.port, m.mid])).toEqual([
      [0, '0'],
      [0, '1'],
      [9, '2'],
    ]);
    expect(answer.bundle).toEqual(['2']);
  });

  it('keeps an m-line alive that is only on hold', () => {
    const offer = CHROMIUM_OFFER.replaceAll('a=recvonly', 'a=inactive');
    const answer = answerTo(offer, [audio([OPUS]), video([VP8]), undefined]);
    expect(answer.media.slice(0, 2).map((m) => [m.port, m.direction])).toEqual([
      [9, 'inactive'],
      [9, 'inactive'],
    ]);
    expect(answer.media[1]!.sources).toEqual([]);
  });

  it('takes the role the offer leaves: active to actpass and passive, passive to active, and the one in force again', () => {
    const setupFor = (offered: string, setup?: 'active' | 'passive') =>
      createAnswer({
        offer: parseDescription(CHROMIUM_OFFER.replaceAll('a=setup:actpass', `a=setup:${offered}`)),
        transport: TRANSPORT,
        sections: [audio([OPUS])],
        ...(setup ? { setup } : {}),
      }).media[0]!.setup;
    expect([setupFor('actpass'), setupFor('passive'), setupFor('active')]).toEqual(['active', 'active', 'passive']);
    expect(setupFor('actpass', 'passive')).toBe('passive');
  });

  it('rejects an m-line that would need a transport of its own', () => {
    const unbundled = CHROMIUM_OFFER.replace('a=group:BUNDLE 0 1 2', 'a=group:BUNDLE 0').replace(
      /(m=video[\s\S]*?a=ice-ufrag:)4ZcD/,
      '$1other',
    );
    expect(answerTo(unbundled, [audio([OPUS]), video([VP9])]).media.map((m) => m.port)).toEqual([9, 0, 0]);
  });

  it('rejects media of protocols and kinds it does not know', () => {
    const offer = `${CHROMIUM_OFFER}m=text 9 RTP/AVP 98\r\na=mid:9\r\nm=video 9 MSRP/TCP *\r\na=mid:10\r\n`;
    const answer = answerTo(offer, [undefined, video([VP8]), undefined, video([VP8]), video([VP8])]);
    expect(answer.media.map((m) => m.port)).toEqual([0, 9, 0, 0, 0]);
    expect(answer.media[3]).toMatchObject({ kind: 'text', protocol: 'RTP/AVP', formatList: ['98'] });
  });
});
