import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PacketArena } from '../rtp/packet-arena.ts';
import { createPacketiser } from '../rtp/packetiser.ts';
import { parseRtcp, writeRtcp } from '../rtp/rtcp/rtcp.ts';
import { NOT_RECEIVED } from '../rtp/rtcp/twcc.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { CHROMIUM_OFFER } from '../sdp/samples.testing.ts';
import { H264, OPUS, VP8 } from '../sdp/session.testing.ts';
import { Connection, type IceCandidate, type ReceptionReport, type SessionDescriptionInit } from './connection.ts';
import { FakeTransport } from './fake-transport.testing.ts';
import type { RtpSender } from './rtp-sender.ts';
import type { SrtpSender, TransceiverInit } from './types.ts';

const srtpSender = {} as SrtpSender;
const CANDIDATE = 'candidate:1 1 UDP 2122252543 192.0.2.7 40678 typ host';
const PICTURE: TransceiverInit = { kind: 'video', direction: 'sendonly', codecs: [H264, VP8] };
const SOUND: TransceiverInit = { kind: 'audio', direction: 'sendonly', codecs: [OPUS] };

const open: Connection[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((connection) => connection.close()));
});

async function make(...media: TransceiverInit[]) {
  const transport = new FakeTransport();
  const connection = await Connection.create({ srtpSender, createTransport: async () => transport, cname: 'cname-of-test' });
  open.push(connection);
  const transceivers = media.map((init) => connection.addTransceiver(init));
  return { connection, transport, transceivers };
}

/** The answer of a peer that watches everything. */
async function answerOf(offer: SessionDescriptionInit, ...media: TransceiverInit[]): Promise<SessionDescriptionInit> {
  const { connection } = await make(...media.map((init): TransceiverInit => ({ ...init, direction: 'recvonly' })));
  await connection.setRemoteDescription(offer);
  return connection.createAnswer();
}

async function negotiated(...media: TransceiverInit[]) {
  const made = await make(...media);
  const offer = await made.connection.createOffer();
  await made.connection.setLocalDescription(offer);
  await made.connection.setRemoteDescription(await answerOf(offer, ...media));
  return made;
}

/** One H.264 IDR slice, Annex B; Opus takes any bytes. */
const FRAME = Uint8Array.of(0, 0, 0, 1, 0x65, ...new Array<number>(100).fill(0x88));

/** Sends a one-packet frame; returns the sequence numbers used. */
function sendFrame(sender: RtpSender, arena = new PacketArena(1 << 20), transportSequenceNumber?: () => number): number[] {
  const now = performance.now();
  const packetiser = createPacketiser(sender.codec!.name);
  const frame = packetiser.packetise(
    {
      data: FRAME,
      timestamp: 0,
      captureTime: performance.timeOrigin + now,
      keyframe: true,
      temporalLayer: 0,
      duration: 20_000,
    },
    arena,
  )!;
  const ops = new SendOps();
  const numbers: number[] = [];
  for (let i = 0; i < frame.count; i++) {
    numbers.push(sender.stream!.nextSequenceNumber);
    sender.stream!.writePacket(ops, 0, arena, frame, i, now, transportSequenceNumber?.());
  }
  return numbers;
}

describe('offering', () => {
  it('names m-lines by kind and place, data channels last', async () => {
    const { connection, transceivers } = await make(PICTURE, SOUND);
    connection.createDataChannel('control');
    const { sdp } = await connection.createOffer();
    expect(transceivers.map((t) => t.mid)).toEqual(['video0', 'audio1']);
    expect(sdp).toContain('a=group:BUNDLE video0 audio1 application2\r\n');
    expect(sdp).toMatch(/o=- [1-9]\d* 0 IN IP4 0\.0\.0\.0/);
    // Without a stream id of its own, a stream is named after the CNAME.
    expect(sdp).toContain('a=msid:cname-of-test video0');
  });

  it('runs as controlling DTLS server towards an active answer, and knows the codecs then', async () => {
    const { connection, transport, transceivers } = await negotiated(PICTURE, SOUND);
    expect(connection.signalingState).toBe('stable');
    expect(transport.started).toHaveLength(1);
    expect(transport.started[0]![0]).toMatchObject({ usernameFragment: 'fake', password: 'fakepasswordfakepassword' });
    expect(transport.started[0]![1]).toEqual({ ice: 'controlling', dtls: 'server', dataChannels: false });
    const [picture, sound] = transceivers;
    expect(picture).toMatchObject({ currentDirection: 'sendonly', extensions: { transportCc: 1 } });
    expect(picture!.codec).toMatchObject({ name: 'H264', payloadType: 96, rtxPayloadType: 99 });
    expect(picture!.sender!.stream).toMatchObject({ payloadType: 96, ssrc: picture!.sender!.ssrc, rtxPayloadType: 99 });
    expect(sound!.codec).toMatchObject({ name: 'opus', payloadType: 98, channels: 2 });
    expect(sound!.sender!.stream!.rtxSsrc).toBeUndefined();
  });

  it('is DTLS client towards a passive answer, controlled by nobody even when the peer is ice-lite', async () => {
    const { connection, transport } = await make(PICTURE);
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    const answer = await answerOf(offer, PICTURE);
    const sdp = answer.sdp.replaceAll('a=setup:active', 'a=setup:passive').replace('t=0 0', 't=0 0\r\na=ice-lite');
    await connection.setRemoteDescription({ type: 'answer', sdp });
    expect(transport.started[0]![0].iceLite).toBe(true);
    expect(transport.started[0]![1]).toEqual({ ice: 'controlling', dtls: 'client', dataChannels: false });
  });

  it('offers the same again but for the version, and keeps the running stream', async () => {
    const { connection, transceivers, transport } = await negotiated(PICTURE, SOUND);
    const before = connection.localDescription!.sdp;
    const stream = transceivers[0]!.sender!.stream;
    const again = await connection.createOffer();
    const comparable = (sdp: string): string[] => sdp.split('\r\n').filter((line) => !/^(o=|a=rtcp-mux-only)/.test(line));
    expect(comparable(again.sdp)).toEqual(comparable(before));
    expect(again.sdp).not.toContain('rtcp-mux-only');
    expect(again.sdp).toMatch(/o=- \d+ 1 IN/);
    await connection.setLocalDescription(again);
    await connection.setRemoteDescription(await answerOf(again, PICTURE, SOUND));
    expect(transceivers[0]!.sender!.stream).toBe(stream);
    expect(transport.started).toHaveLength(1);
  });

  it('adds a later stream behind the data channels', async () => {
    const { connection } = await make(PICTURE);
    connection.createDataChannel('control');
    const first = await connection.createOffer();
    await connection.setLocalDescription(first);
    await connection.setRemoteDescription(await answerOf(first, PICTURE));
    connection.addTransceiver(SOUND);
    const { sdp } = await connection.createOffer();
    expect(sdp).toContain('a=group:BUNDLE video0 application1 audio2');
  });

  it('offers a medium taken away as inactive, in its place', async () => {
    const { connection, transceivers } = await negotiated(PICTURE, SOUND);
    transceivers[0]!.direction = 'inactive';
    const offer = await connection.createOffer();
    expect(offer.sdp).toMatch(/m=video 9[\s\S]*a=inactive[\s\S]*m=audio 0/);
    await connection.setLocalDescription(offer);
    await connection.setRemoteDescription(await answerOf(offer, PICTURE, SOUND));
    expect(transceivers.map((t) => t.currentDirection)).toEqual(['inactive', 'sendonly']);
    expect(transceivers[0]!.sender!.active).toBe(false);
  });

  it('lives on with what is left when the peer rejects an m-line, and never offers that one again', async () => {
    const { connection, transceivers, transport } = await make(PICTURE, SOUND);
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    await connection.setRemoteDescription(await answerOf(offer, SOUND));
    expect(transceivers.map((t) => t.codec?.name)).toEqual([undefined, 'opus']);
    expect(transceivers[0]!.sender!.stream).toBeUndefined();
    expect(transport.started).toHaveLength(1);
    const { sdp } = await connection.createOffer();
    expect(sdp).toMatch(/m=video 0 .*\r\n/);
    expect(sdp).toContain('a=group:BUNDLE audio1\r\n');
  });

  it('makes a new SSRC for a new codec: one SSRC never counts its packets twice', async () => {
    const { connection, transceivers } = await negotiated(PICTURE);
    const sender = transceivers[0]!.sender!;
    const before = { ssrc: sender.ssrc, rtx: sender.rtxSsrc };
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    await connection.setRemoteDescription(await answerOf(offer, { ...PICTURE, codecs: [VP8] }));
    expect(sender.codec!.name).toBe('VP8');
    expect(sender.stream).toMatchObject({ ssrc: sender.ssrc, payloadType: 97 });
    expect(sender.ssrc).not.toBe(before.ssrc);
    expect(sender.rtxSsrc).not.toBe(before.rtx);
  });
});

describe('answering', () => {
  it('answers a Chromium consumer as controlled DTLS client and knows what to send', async () => {
    const { connection, transport, transceivers } = await make(SOUND, PICTURE);
    await connection.setRemoteDescription({ type: 'offer', sdp: CHROMIUM_OFFER });
    expect(connection.signalingState).toBe('have-remote-offer');
    expect(connection.remoteMedia.map((m) => m.kind)).toEqual(['audio', 'video', 'application']);
    const answer = await connection.createAnswer();
    expect(transport.started).toHaveLength(0);
    await connection.setLocalDescription(answer);
    expect(connection.signalingState).toBe('stable');
    expect(transport.started[0]![0]).toMatchObject({ usernameFragment: '4ZcD' });
    expect(transport.started[0]![1]).toEqual({ ice: 'controlled', dtls: 'client', dataChannels: true });
    expect(transceivers.map((t) => [t.mid, t.codec?.payloadType, t.extensions.transportCc])).toEqual([
      ['0', 111, 3],
      ['1', 109, 3],
    ]);
    expect(answer.sdp).toMatch(/m=application 9/);
  });

  it('pairs media by kind, whatever stands between them', async () => {
    const { connection, transceivers } = await make(PICTURE, { ...PICTURE, codecs: [VP8] }, SOUND);
    const other = await make({ ...SOUND, direction: 'recvonly' });
    other.connection.createDataChannel('first');
    await other.connection.setLocalDescription(await other.connection.createOffer());
    for (let i = 0; i < 2; i++) other.connection.addTransceiver({ ...PICTURE, direction: 'recvonly' });
    await connection.setRemoteDescription(await other.connection.createOffer());
    await connection.setLocalDescription(await connection.createAnswer());
    expect(transceivers.map((t) => t.mid)).toEqual(['video2', 'video3', 'audio0']);
    expect(transceivers.map((t) => t.codec?.name)).toEqual(['H264', 'VP8', 'opus']);
  });

  it('repeats its part when the peer offers again, and answers later media with later transceivers', async () => {
    const viewer = await make({ ...PICTURE, direction: 'recvonly' });
    const { connection, transport } = await make(PICTURE);
    const round = async (): Promise<string> => {
      const offer = await viewer.connection.createOffer();
      await viewer.connection.setLocalDescription(offer);
      await connection.setRemoteDescription(offer);
      const answer = await connection.createAnswer();
      await connection.setLocalDescription(answer);
      await viewer.connection.setRemoteDescription(answer);
      return answer.sdp;
    };
    const first = await round();
    expect((await round()).replace(/o=.*/, '')).toBe(first.replace(/o=.*/, ''));
    viewer.connection.addTransceiver({ ...SOUND, direction: 'recvonly' });
    const sound = connection.addTransceiver(SOUND);
    expect(await round()).toContain('a=setup:active');
    expect(sound).toMatchObject({ mid: 'audio1', currentDirection: 'sendonly' });
    expect(transport.started).toHaveLength(1);
  });
});

describe('data channels', () => {
  it('run only when both descriptions have them', async () => {
    const { connection, transport } = await make(PICTURE);
    connection.createDataChannel('control');
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    const answer = await answerOf(offer, PICTURE);
    const sdp = answer.sdp.replace(/m=application 9/, 'm=application 0').replace(/^(a=group:BUNDLE \S+) application1/m, '$1');
    expect(sdp).toMatch(/m=application 0/);
    await connection.setRemoteDescription({ type: 'answer', sdp });
    expect(transport.started[0]![1].dataChannels).toBe(false);
    expect(transport.dataChannelsStarted).toBe(0);
  });

  it('begin with a later offer', async () => {
    const { connection, transport } = await negotiated(PICTURE);
    expect(transport.started[0]![1].dataChannels).toBe(false);
    connection.createDataChannel('control');
    const again = await connection.createOffer();
    await connection.setLocalDescription(again);
    await connection.setRemoteDescription(await answerOf(again, PICTURE));
    expect(transport.dataChannelsStarted).toBe(1);
  });
});

describe('signalling', () => {
  it('refuses what does not fit the state, names it, and changes nothing', async () => {
    const { connection } = await make(PICTURE);
    await expect(connection.createAnswer()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(connection.setRemoteDescription({ type: 'answer', sdp: CHROMIUM_OFFER })).rejects.toThrow(
      'signalling state stable',
    );
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    await expect(connection.setRemoteDescription({ type: 'offer', sdp: CHROMIUM_OFFER })).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
    expect(connection.signalingState).toBe('have-local-offer');
    await connection.setRemoteDescription(await answerOf(offer, PICTURE));
    expect(connection.signalingState).toBe('stable');
  });

  it.each([
    ['nonsense', () => 'hello', 'does not begin with v=0'],
    ['another number of m-lines', (sdp: string) => sdp.slice(0, sdp.indexOf('m=audio')), '1 m-lines where the offer has 2'],
    ['another kind', (sdp: string) => sdp.replace('m=video', 'm=text'), 'm-line 0 is text'],
    ['another mid', (sdp: string) => sdp.replace('a=mid:video0', 'a=mid:x'), 'another mid'],
    ['no fingerprint', (sdp: string) => sdp.replace(/a=fingerprint.*\r\n/g, ''), 'no DTLS fingerprint'],
    ['no credentials', (sdp: string) => sdp.replace(/a=ice-pwd.*\r\n/g, ''), 'no usable ICE credentials'],
  ])('refuses an answer with %s and still takes a good one', async (_, spoil, sentence) => {
    const { connection } = await make(PICTURE, SOUND);
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    const answer = await answerOf(offer, PICTURE, SOUND);
    const bad = connection.setRemoteDescription({ type: 'answer', sdp: spoil(answer.sdp) });
    await expect(bad).rejects.toMatchObject({ code: 'INVALID_SDP', message: expect.stringContaining(sentence) });
    expect(connection.remoteDescription).toBeUndefined();
    await connection.setRemoteDescription(answer);
    expect(connection.signalingState).toBe('stable');
  });

  it('refuses a transceiver without codecs, and everything after close', async () => {
    const { connection } = await make();
    expect(() => connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [] })).toThrow('at least one codec');
    await connection.close();
    expect(connection.state).toBe('closed');
    expect(() => connection.addTransceiver(PICTURE)).toThrow('closed');
    expect(() => connection.createDataChannel('x')).toThrow('closed');
    await expect(connection.createOffer()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await connection.addIceCandidate({ candidate: CANDIDATE });
  });
});

describe('candidates', () => {
  it('trickles ours after the description, under the m-line that carries the bundle, and ends with an empty one', async () => {
    const { connection, transport } = await make(PICTURE, SOUND);
    const candidates: IceCandidate[] = [];
    connection.on('icecandidate', (candidate) => candidates.push(candidate));
    await connection.setLocalDescription(await connection.createOffer());
    expect(transport.gatheringState).toBe('new');
    await vi.waitFor(() => expect(transport.gatheringState).toBe('gathering'));
    transport.discover(CANDIDATE);
    transport.discover('');
    expect(candidates).toEqual([
      { candidate: CANDIDATE, sdpMLineIndex: 0, sdpMid: 'video0' },
      { candidate: '', sdpMLineIndex: 0, sdpMid: 'video0' },
    ]);
    const { sdp } = connection.localDescription!;
    const [, picture, sound] = sdp.split('\r\nm=');
    expect(picture).toContain(`a=${CANDIDATE}\r\na=end-of-candidates`);
    expect(sound).not.toContain('candidate');
    expect((await connection.createOffer()).sdp).not.toContain('candidate');
  });

  it('holds the peer’s until both descriptions are there, takes any way of writing them, and passes each on once', async () => {
    const { connection, transport } = await make(PICTURE);
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    await connection.addIceCandidate({ candidate: `a=${CANDIDATE}`, sdpMLineIndex: 0, sdpMid: null });
    await connection.addIceCandidate({ candidate: `${CANDIDATE} ufrag other`, sdpMid: 'video0' });
    expect(transport.remoteCandidates).toEqual([]);
    const answer = await answerOf(offer, PICTURE);
    await connection.setRemoteDescription({
      type: 'answer',
      sdp: `${answer.sdp}a=${CANDIDATE}\r\na=candidate:2 in the text\r\n`,
    });
    expect(transport.remoteCandidates).toEqual([CANDIDATE, 'candidate:2 in the text']);
    await connection.addIceCandidate({ candidate: CANDIDATE, sdpMid: 'nobody' });
    await connection.addIceCandidate({ candidate: 'candidate:3 x ufrag fake' });
    await connection.addIceCandidate({ candidate: '' });
    expect(transport.remoteCandidates.slice(2)).toEqual(['candidate:3 x ufrag fake', '']);
  });

  it('is not filled up by a peer that sends them without end', async () => {
    const { connection, transport } = await make(PICTURE);
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    for (let i = 0; i < 5000; i++) await connection.addIceCandidate({ candidate: `candidate:${i} early` });
    await connection.setRemoteDescription(await answerOf(offer, PICTURE));
    for (let i = 0; i < 5000; i++) await connection.addIceCandidate({ candidate: `candidate:${i} late` });
    expect(transport.remoteCandidates.length).toBeLessThanOrEqual(512);
  });
});

describe('RTCP', () => {
  async function sending(...media: TransceiverInit[]) {
    const made = await negotiated(...media);
    made.transport.become('connected');
    return { ...made, senders: made.transceivers.map((t) => t.sender!) };
  }

  it('reports soon after the first frame, then every second, with the CNAME', async () => {
    const { transport, senders } = await sending(PICTURE, SOUND);
    await delay(120);
    expect(transport.sent).toEqual([]);
    const start = performance.now();
    for (const sender of senders) sendFrame(sender);
    await vi.waitFor(() => expect(transport.sent).toHaveLength(1), { timeout: 500, interval: 5 });
    expect(performance.now() - start).toBeLessThan(400);
    const packets = parseRtcp(transport.sent[0]!);
    expect(packets.map((p) => p.type)).toEqual(['sr', 'sr', 'sdes']);
    expect(packets.flatMap((p) => (p.type === 'sr' ? [p.ssrc] : []))).toEqual(senders.map((s) => s.ssrc));
    expect(packets.at(-1)).toMatchObject({ chunks: senders.map((s) => ({ ssrc: s.ssrc, cname: 'cname-of-test' })) });
    await vi.waitFor(() => expect(transport.sent).toHaveLength(2), { timeout: 3000, interval: 20 });
    expect(performance.now() - start).toBeGreaterThan(900);
  });

  it('says goodbye for its streams when it closes, and closes once', async () => {
    const { connection, transport, senders } = await sending(PICTURE);
    await Promise.all([connection.close(), connection.close()]);
    const last = parseRtcp(transport.sent.at(-1)!);
    expect(last.map((p) => p.type)).toEqual(['rr', 'sdes', 'bye']);
    expect(last.at(-1)).toMatchObject({ ssrcs: [senders[0]!.ssrc] });
    expect(transport.closed).toBe(1);
    const count = transport.sent.length;
    transport.state = 'connected';
    await delay(150);
    expect(transport.sent).toHaveLength(count);
  });

  it('asks for what NACK names, and for a keyframe once per request', async () => {
    const { transport, senders } = await sending(PICTURE, SOUND);
    const [picture, sound] = senders as [RtpSender, RtpSender];
    const asked: string[] = [];
    for (const [name, sender] of Object.entries({ picture, sound })) {
      sender.on('keyframe-request', (kind) => asked.push(`${name} ${kind}`));
      sender.on('retransmission-request', () => asked.push(`${name} nack`));
    }
    const numbers = sendFrame(picture);
    const from = { senderSsrc: 1, mediaSsrc: picture.ssrc };
    transport.receiveRtcp(writeRtcp([{ type: 'nack', ...from, sequenceNumbers: numbers }]));
    expect(picture.stream!.pendingRetransmissions).toBe(1);
    transport.receiveRtcp(writeRtcp([{ type: 'pli', ...from }]));
    for (const commandSequenceNumber of [7, 7, 8]) {
      transport.receiveRtcp(
        writeRtcp([{ type: 'fir', senderSsrc: 1, requests: [{ ssrc: picture.ssrc, commandSequenceNumber }] }]),
      );
    }
    transport.receiveRtcp(writeRtcp([{ type: 'pli', senderSsrc: 1, mediaSsrc: 12345 }]));
    expect(asked).toEqual(['picture nack', 'picture pli', 'picture fir', 'picture fir']);
  });

  it('knows the round-trip time from the peer’s reports, and tells transport feedback', async () => {
    const { connection, transport, senders } = await sending(PICTURE);
    const sender = senders[0]!;
    const feedback: number[] = [];
    connection.on('transport-feedback', (packet) => feedback.push(packet.baseSequenceNumber));
    expect(connection.roundTripTime).toBeUndefined();
    sendFrame(sender);
    await vi.waitFor(() => expect(transport.sent).toHaveLength(1), { timeout: 500, interval: 5 });
    const report = parseRtcp(transport.sent[0]!).find((p) => p.type === 'sr')!;
    const lastSenderReport = ((report.ntpTime.seconds << 16) | (report.ntpTime.fraction >>> 16)) >>> 0;
    await delay(60);
    const block = { ssrc: sender.ssrc, fractionLost: 0.25, packetsLost: 3, highestSequenceNumber: 10, jitter: 900 };
    const rr = { type: 'rr' as const, ssrc: 1, reports: [{ ...block, lastSenderReport, delaySinceLastSenderReport: 0 }] };
    transport.receiveRtcp(writeRtcp([rr]));
    expect(connection.roundTripTime).toBeGreaterThan(0.05);
    expect(connection.roundTripTime).toBeLessThan(1);
    expect(sender.stream!.remoteInbound).toMatchObject({ packetsLost: 3, fractionLost: 0.25, jitter: 0.01 });
    const cc = { senderSsrc: 1, mediaSsrc: 2, referenceTime: 1, feedbackPacketCount: 0, arrivals: Int32Array.of(0) };
    transport.receiveRtcp(writeRtcp([{ type: 'transport-cc', baseSequenceNumber: 77, ...cc }]));
    expect(feedback).toEqual([77]);
  });

  it('tells what each report is about, however often and in whatever order reports come', async () => {
    const { connection, transport, senders } = await sending(PICTURE, SOUND);
    const told: ReceptionReport[] = [];
    connection.on('report', (report) => told.push(report));
    const [picture, sound] = senders;
    const block = { packetsLost: 0, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 };
    const report = (...reports: [sender: RtpSender | undefined, fractionLost: number, highestSequenceNumber: number][]): void =>
      transport.receiveRtcp(
        writeRtcp([
          {
            type: 'rr',
            ssrc: 1,
            reports: reports.map(([sender, fractionLost, highestSequenceNumber]) => ({
              ...block,
              ssrc: sender?.ssrc ?? 99,
              fractionLost,
              highestSequenceNumber,
            })),
          },
        ]),
      );
    const first = picture!.stream!.nextSequenceNumber;
    for (let i = 0; i < 10; i++) sendFrame(picture!);
    const firstSound = sendFrame(sound!)[0]!;
    report([picture, 0.25, first + 3], [sound, 0, firstSound], [undefined, 1, 1]);
    report([picture, 0.5, first + 9]);
    report([picture, 0.5, first + 9]);
    report([picture, 0.5, first + 5]);
    // Never sent; cycles that never were.
    report([picture, 0.75, first + 20]);
    report([picture, 0.75, first + 9 + 0x4000_0000]);
    expect(told.map(({ fractionLost, packets }) => [fractionLost, packets])).toEqual([
      [0.25, 4],
      [0, 1],
      [0.5, 6],
      [0.5, 0],
      [0.5, 0],
      [0.75, 0],
      [0.75, 10],
    ]);
    expect(told.every(({ roundTripTime }) => roundTripTime === undefined)).toBe(true);
  });

  it('measures the round trip with the report that answers a sender report', async () => {
    const { connection, transport, senders } = await sending(PICTURE);
    const told: (number | undefined)[] = [];
    connection.on('report', ({ roundTripTime }) => told.push(roundTripTime));
    const [highestSequenceNumber] = sendFrame(senders[0]!);
    await vi.waitFor(() => expect(transport.sent).toHaveLength(1), { timeout: 500, interval: 5 });
    const arrival = performance.now();
    const { ntpTime } = parseRtcp(transport.sent[0]!).find((p) => p.type === 'sr')!;
    const lastSenderReport = ((ntpTime.seconds << 16) | (ntpTime.fraction >>> 16)) >>> 0;
    const block = { ssrc: senders[0]!.ssrc, fractionLost: 0, packetsLost: 0, jitter: 0, delaySinceLastSenderReport: 0 };
    for (const [id, after] of [
      [lastSenderReport, 80],
      [0, 90],
    ] as const) {
      const reports = [{ ...block, highestSequenceNumber: highestSequenceNumber!, lastSenderReport: id }];
      transport.receiveRtcp(writeRtcp([{ type: 'rr', ssrc: 1, reports }]), arrival + after);
    }
    expect(told[0]).toBeGreaterThanOrEqual(0.08);
    expect(told[0]).toBeLessThan(1);
    expect(told.slice(1)).toEqual([undefined]);
    expect(connection.roundTripTime).toBe(told[0]);
  });

  it('tells the receiver’s own estimate', async () => {
    const { connection, transport, senders } = await sending(PICTURE);
    const told: number[] = [];
    connection.on('remb', (bitrate) => told.push(bitrate));
    transport.receiveRtcp(writeRtcp([{ type: 'remb', senderSsrc: 1, bitrate: 1_500_000, ssrcs: [senders[0]!.ssrc] }]));
    expect(told).toEqual([1_500_000 - (1_500_000 % 8)]);
  });

  it('tells RFC 8888 feedback of a peer that offers nothing else by the transport-wide numbers, retransmissions included', async () => {
    const { connection, transport, transceivers } = await make(PICTURE, SOUND);
    const sdp = CHROMIUM_OFFER.replaceAll(/a=rtcp-fb:\d+ transport-cc\r?\n/g, '')
      .replaceAll(/a=extmap:\d+ \S+transport-wide-cc-extensions-01\r?\n/g, '')
      .replaceAll(/(a=rtpmap:(?:96|111) .*)/g, '$1\r\na=rtcp-fb:* ack ccfb');
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    transport.become('connected');
    const [picture, sound] = transceivers.map((transceiver) => transceiver.sender!);
    expect(picture!.stream).toMatchObject({ usesTransportCc: false, countsTransport: true });

    const told: [base: number, arrived: boolean[]][] = [];
    connection.on('transport-feedback', ({ baseSequenceNumber, arrivals }) =>
      told.push([baseSequenceNumber, Array.from(arrivals, (arrival) => arrival !== NOT_RECEIVED)]),
    );
    const arena = new PacketArena(1 << 20);
    const next = (): number => connection.nextTransportSequenceNumber();
    const before = next();
    const number = (n: number): number => (before + n) & 0xffff;
    const [lost] = sendFrame(picture!, arena, next);
    const [heard] = sendFrame(sound!, arena, next);
    sendFrame(picture!, arena, next);
    picture!.handleNack([lost!], performance.now(), 10);
    expect(picture!.stream!.nextRetransmission(new SendOps(), 0, arena, performance.now(), next)).toBeGreaterThan(0);
    sendFrame(sound!, arena, next);
    const from = { ssrc: picture!.ssrc, beginSequenceNumber: lost! };
    transport.receiveRtcp(
      writeRtcp([
        {
          type: 'ccfb',
          senderSsrc: 1,
          reports: [
            { ...from, metrics: Uint16Array.of(0, 0x8010) },
            { ssrc: sound!.ssrc, beginSequenceNumber: heard!, metrics: Uint16Array.of(0x8020) },
            { ssrc: 99, beginSequenceNumber: 0, metrics: Uint16Array.of(0x8020, 0) },
          ],
          reportTimestamp: 1 << 16,
        },
      ]),
    );
    expect(told.splice(0)).toEqual([[number(1), [false, true, true]]]);
    // The retransmission, by its own stream; what this report skips is not lost.
    const rtx = picture!.stream!.rtxSsrc!;
    const numbers = Array.from({ length: 0x10000 }, (_, i) => i);
    const again = numbers.find((i) => picture!.stream!.transportSequenceNumberOf(i, rtx) === number(4))!;
    const reports = [{ ssrc: rtx, beginSequenceNumber: again, metrics: Uint16Array.of(0x8001) }];
    transport.receiveRtcp(writeRtcp([{ type: 'ccfb', senderSsrc: 1, reports, reportTimestamp: 2 << 16 }]));
    expect(told).toEqual([[number(4), [true]]]);
  });

  it('starts from the round-trip time of the connectivity checks', async () => {
    const { connection, transport } = await negotiated(PICTURE);
    transport.stats = [{ id: 'pair', type: 'candidate-pair', timestamp: 0, currentRoundTripTime: 0.042 }];
    transport.become('connected');
    expect(connection.roundTripTime).toBe(0.042);
  });

  it('counts one transport-wide sequence of 16 bits', async () => {
    const { connection } = await make(PICTURE);
    const first = connection.nextTransportSequenceNumber();
    for (let i = 0; i < 0xffff; i++) connection.nextTransportSequenceNumber();
    expect(connection.nextTransportSequenceNumber()).toBe(first);
  });
});

describe('getStats', () => {
  it('has the W3C’s entries, linked to each other', async () => {
    const { connection, transport, transceivers } = await negotiated(PICTURE, SOUND);
    transport.stats = [{ id: 'T', type: 'transport', timestamp: 1 }];
    transport.become('connected');
    const sender = transceivers[0]!.sender!;
    sendFrame(sender);
    const block = { ssrc: sender.ssrc, fractionLost: 0, packetsLost: 0, highestSequenceNumber: 1, jitter: 0 };
    const rr = { type: 'rr' as const, ssrc: 1, reports: [{ ...block, lastSenderReport: 0, delaySinceLastSenderReport: 0 }] };
    transport.receiveRtcp(writeRtcp([rr]));
    const stats = await connection.getStats();
    for (const [id, entry] of stats) expect(entry.id).toBe(id);
    const outbound = stats.get(`rtp-outbound-stream-stats_${sender.ssrc}`)!;
    expect(outbound).toMatchObject({
      type: 'outbound-rtp',
      kind: 'video',
      mid: 'video0',
      ssrc: sender.ssrc,
      rtxSsrc: sender.rtxSsrc,
      transportId: 'T',
      framesSent: 1,
      packetsSent: 1,
      bytesSent: expect.any(Number),
      nackCount: 0,
      pliCount: 0,
      firCount: 0,
    });
    expect(Math.abs(outbound.timestamp - Date.now())).toBeLessThan(5000);
    expect(stats.get(outbound.codecId as string)).toMatchObject({
      type: 'codec',
      mimeType: 'video/H264',
      payloadType: 96,
      clockRate: 90000,
      sdpFmtpLine: expect.stringContaining('profile-level-id=42e01f'),
    });
    expect(stats.get(outbound.remoteId as string)).toMatchObject({
      type: 'remote-inbound-rtp',
      localId: outbound.id,
      packetsLost: 0,
    });
    const types = [...stats.values()].map((entry) => entry.type).sort();
    expect(types).toEqual([
      'codec',
      'codec',
      'outbound-rtp',
      'outbound-rtp',
      'peer-connection',
      'remote-inbound-rtp',
      'transport',
    ]);
  });

  it('counts data channels opened and closed', async () => {
    const { connection, transport } = await make();
    connection.createDataChannel('a');
    connection.createDataChannel('b');
    for (const channel of transport.channels) channel.open();
    await transport.channels[0]!.close();
    const entry = (await connection.getStats()).get('peer-connection-stats');
    expect(entry).toMatchObject({ dataChannelsOpened: 2, dataChannelsClosed: 1 });
  });
});
