/** Connection to Connection over real sockets on the loopback interface. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseRtp, RtpHeader } from '../rtp/packet.ts';
import { PacketArena } from '../rtp/packet-arena.ts';
import { createPacketiser } from '../rtp/packetiser.ts';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';
import { writeRtcp } from '../rtp/rtcp/rtcp.ts';
import type { RtcpPacket, TransportFeedback } from '../rtp/rtcp/types.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { OPUS, VP8 } from '../sdp/session.testing.ts';
import { Connection, type Transceiver } from './connection.ts';
import { NodeSrtpSender } from './srtp/node-srtp-sender.ts';
import type { DataChannel } from './transport/types.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Peer {
  readonly connection: Connection;
  readonly srtpSender: NodeSrtpSender;
}

async function peer(reception = true): Promise<Peer> {
  const srtpSender = new NodeSrtpSender();
  const connection = await Connection.create({ srtpSender, gatherLoopback: true, reception });
  cleanups.push(
    () => srtpSender.close(),
    () => connection.close(),
  );
  return { connection, srtpSender };
}

/** Negotiates and trickles both ways, as two applications with a signalling channel between them would. */
async function connect(offerer: Connection, answerer: Connection): Promise<void> {
  offerer.on('icecandidate', (candidate) => answerer.addIceCandidate({ ...candidate, sdpMid: candidate.sdpMid ?? null }));
  answerer.on('icecandidate', (candidate) => offerer.addIceCandidate({ ...candidate, sdpMid: candidate.sdpMid ?? null }));
  const connected = [offerer, answerer].map(
    (connection) =>
      new Promise<void>((resolve, reject) => {
        connection.on('statechange', (state) => {
          if (state === 'connected') resolve();
          else if (state === 'failed') reject(new Error('the connection failed'));
        });
      }),
  );
  await renegotiate(offerer, answerer);
  await Promise.all(connected);
}

async function renegotiate(offerer: Connection, answerer: Connection): Promise<void> {
  const offer = await offerer.createOffer();
  await offerer.setLocalDescription(offer);
  await answerer.setRemoteDescription(offer);
  const answer = await answerer.createAnswer();
  await answerer.setLocalDescription(answer);
  await offerer.setRemoteDescription(answer);
}

const media = (connection: Connection, direction: 'sendonly' | 'recvonly'): Transceiver[] => [
  connection.addTransceiver({ kind: 'video', direction, codecs: [VP8] }),
  connection.addTransceiver({ kind: 'audio', direction, codecs: [OPUS] }),
];

/** Sends `data` as one frame; returns how many packets it took. */
function send({ connection, srtpSender }: Peer, { sender }: Transceiver, arena: PacketArena, data: Uint8Array): number {
  const now = performance.now();
  const frame = createPacketiser(sender!.codec!.name).packetise(
    { data, timestamp: 0, captureTime: performance.timeOrigin + now, keyframe: true, temporalLayer: 0, duration: 20_000 },
    arena,
  )!;
  const ops = new SendOps();
  for (let i = 0; i < frame.count; i++) {
    sender!.stream!.writePacket(ops, connection.lane!, arena, frame, i, now, connection.nextTransportSequenceNumber());
  }
  return srtpSender.send(arena, ops);
}

interface Received {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly payload: Uint8Array;
}

function collect(connection: Connection): Received[] {
  const received: Received[] = [];
  const header = new RtpHeader();
  connection.on('rtp', (packet) => {
    if (!parseRtp(packet, header)) return;
    const { ssrc, payloadType, sequenceNumber, payloadOffset, payloadLength } = header;
    const payload = packet.slice(payloadOffset, payloadOffset + payloadLength);
    received.push({ ssrc, payloadType, sequenceNumber, payload });
  });
  return received;
}

describe.each([
  ['offers', true],
  ['answers', false],
])('a sender that %s', (_, senderOffers) => {
  async function pair() {
    const sending = await peer();
    // What it asks for is what this test sends.
    const receiving = await peer(false);
    const outgoing = media(sending.connection, 'sendonly');
    const incoming = media(receiving.connection, 'recvonly');
    const received = collect(receiving.connection);
    const [offerer, answerer] = senderOffers ? [sending, receiving] : [receiving, sending];
    const channel = offerer.connection.createDataChannel('control');
    const incomingChannel = new Promise<DataChannel>((resolve) => answerer.connection.once('datachannel', resolve));
    await connect(offerer.connection, answerer.connection);
    return { sending, receiving, outgoing, incoming, received, channel, incomingChannel };
  }

  it('sends media, sends lost packets again in RTX, reports, and carries a data channel', async () => {
    const { sending, receiving, outgoing, incoming, received, channel, incomingChannel } = await pair();
    const [picture, sound] = outgoing as [Transceiver, Transceiver];
    const ssrcs = outgoing.map((t) => t.sender!.ssrc);
    // Both sides know which stream is which before the first packet.
    expect(incoming.map((t) => t.remoteSources[0]?.ssrc)).toEqual(ssrcs);
    expect(incoming[0]!.remoteSources[0]!.rtxSsrc).toBe(picture.sender!.rtxSsrc);
    expect(incoming.map((t) => t.codec)).toEqual(outgoing.map((t) => expect.objectContaining({ name: t.codec!.name })));

    const arena = new PacketArena(1 << 20);
    expect(send(sending, picture, arena, new Uint8Array(3000).fill(7))).toBe(3);
    expect(send(sending, sound, arena, new Uint8Array(80).fill(9))).toBe(1);
    await vi.waitFor(() => expect(received).toHaveLength(4), { timeout: 3000, interval: 5 });
    expect(new Set(received.map((p) => p.ssrc))).toEqual(new Set(ssrcs));
    const opus = received.find((p) => p.ssrc === ssrcs[1])!;
    expect([...opus.payload]).toEqual(Array.from({ length: 80 }, () => 9));
    const video = received.filter((p) => p.ssrc === ssrcs[0]).sort((a, b) => a.sequenceNumber - b.sequenceNumber);
    expect(video.map((p) => p.payloadType)).toEqual([0, 0, 0].map(() => picture.codec!.payloadType));

    // The receiver says that it lacks the second packet.
    const lost = video[1]!;
    picture.sender!.on('retransmission-request', () => {
      const ops = new SendOps();
      picture.sender!.stream!.nextRetransmission(ops, sending.connection.lane!, arena, performance.now(), () =>
        sending.connection.nextTransportSequenceNumber(),
      );
      sending.srtpSender.send(arena, ops);
    });
    const feedback = { senderSsrc: 1, mediaSsrc: lost.ssrc };
    const rr = { type: 'rr' as const, ssrc: 1, reports: [] };
    receiving.connection.sendRtcp(writeRtcp([rr, { type: 'nack', ...feedback, sequenceNumbers: [lost.sequenceNumber] }]));
    await vi.waitFor(() => expect(received).toHaveLength(5), { timeout: 3000, interval: 5 });
    const again = received.at(-1)!;
    expect(again).toMatchObject({ ssrc: picture.sender!.rtxSsrc, payloadType: picture.codec!.rtxPayloadType });
    expect((again.payload[0]! << 8) | again.payload[1]!).toBe(lost.sequenceNumber);
    expect(again.payload.subarray(2)).toEqual(lost.payload);

    // A keyframe request arrives, and a report of ours.
    const request = new Promise((resolve) => picture.sender!.once('keyframe-request', resolve));
    receiving.connection.sendRtcp(writeRtcp([rr, { type: 'pli', ...feedback }]));
    expect(await request).toBe('pli');
    const report = await new Promise<readonly RtcpPacket[]>((resolve) => receiving.connection.once('rtcp', resolve));
    expect(report.map((p) => p.type)).toContain('sr');

    const other = await incomingChannel;
    expect(other.label).toBe('control');
    const echoed = new Promise((resolve) => channel.once('message', resolve));
    other.on('message', (data) => other.send(data));
    if (channel.readyState !== 'open') await new Promise<void>((resolve) => channel.once('open', resolve));
    await channel.send('Grüße');
    expect(await echoed).toBe('Grüße');

    const stats = [...(await sending.connection.getStats()).values()];
    const types = new Set(stats.map((entry) => entry.type));
    const expected = ['candidate-pair', 'certificate', 'codec', 'data-channel', 'local-candidate', 'outbound-rtp'];
    for (const type of [...expected, 'peer-connection', 'remote-candidate', 'transport']) expect(types).toContain(type);
    const outbound = stats.find((entry) => entry.type === 'outbound-rtp' && entry.ssrc === ssrcs[0])!;
    expect(outbound).toMatchObject({ framesSent: 1, retransmittedPacketsSent: 1, nackCount: 1, pliCount: 1 });
    expect(stats.find((entry) => entry.type === 'peer-connection')).toMatchObject({ dataChannelsOpened: 1 });
  });

  it('says goodbye', async () => {
    const { sending, receiving } = await pair();
    const packets: RtcpPacket[] = [];
    receiving.connection.on('rtcp', (compound) => packets.push(...compound));
    const ssrcs = sending.connection.transceivers.map((t) => t.sender!.ssrc);
    await sending.connection.close();
    await vi.waitFor(() => expect(packets.at(-1)).toMatchObject({ type: 'bye', ssrcs }), { timeout: 3000, interval: 5 });
    expect(sending.connection.state).toBe('closed');
  });
});

describe('renegotiation', () => {
  it('adds a stream to a running connection without touching the transport', async () => {
    const sending = await peer();
    const receiving = await peer();
    const picture = sending.connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    receiving.connection.addTransceiver({ kind: 'video', direction: 'recvonly', codecs: [VP8] });
    const received = collect(receiving.connection);
    await connect(sending.connection, receiving.connection);
    const stream = picture.sender!.stream;
    const lane = sending.connection.lane;

    const sound = sending.connection.addTransceiver({ kind: 'audio', direction: 'sendonly', codecs: [OPUS] });
    receiving.connection.addTransceiver({ kind: 'audio', direction: 'recvonly', codecs: [OPUS] });
    await renegotiate(sending.connection, receiving.connection);
    expect(picture.sender!.stream).toBe(stream);
    expect(sending.connection.lane).toBe(lane);
    const arena = new PacketArena(1 << 20);
    send(sending, sound, arena, new Uint8Array(50));
    send(sending, picture, arena, new Uint8Array(50));
    await vi.waitFor(() => expect(received).toHaveLength(2), { timeout: 3000, interval: 5 });
    await delay(20);
    expect(sending.connection.state).toBe('connected');
  });

  it('brings data channels to a connection that had none, and no SCTP before', async () => {
    const sending = await peer();
    const receiving = await peer();
    sending.connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    receiving.connection.addTransceiver({ kind: 'video', direction: 'recvonly', codecs: [VP8] });
    // DTLS application data (RFC 6347): nothing but SCTP would be sent in it, first of all by the DTLS client, who answered.
    const datagrams: Buffer[] = [];
    const applicationData = (): number => datagrams.filter(([first]) => first === 23).length;
    const addLane = sending.srtpSender.addLane.bind(sending.srtpSender);
    sending.srtpSender.addLane = (options) => {
      options.socket!.prependListener('message', (datagram: Buffer) => datagrams.push(Buffer.from(datagram)));
      return addLane(options);
    };
    await connect(sending.connection, receiving.connection);
    // What is sent later arrives later.
    const reported = new Promise((resolve) => sending.connection.once('rtcp', resolve));
    receiving.connection.sendRtcp(writeRtcp([{ type: 'rr', ssrc: 1, reports: [] }]));
    await reported;
    expect(applicationData()).toBe(0);

    const incoming = new Promise<DataChannel>((resolve) => receiving.connection.once('datachannel', resolve));
    const channel = sending.connection.createDataChannel('late');
    await renegotiate(sending.connection, receiving.connection);
    const got = new Promise((resolve) => incoming.then((other) => other.on('message', resolve)));
    if (channel.readyState !== 'open') await new Promise<void>((resolve) => channel.once('open', resolve));
    await channel.send('here');
    expect(await got).toBe('here');
    expect(applicationData()).toBeGreaterThan(0);
  });
});

describe('a receiver', () => {
  async function pair() {
    const sending = await peer();
    const receiving = await peer();
    const [picture, sound] = media(sending.connection, 'sendonly') as [Transceiver, Transceiver];
    const [incomingPicture, incomingSound] = media(receiving.connection, 'recvonly') as [Transceiver, Transceiver];
    const frames: InboundFrame[] = [];
    incomingPicture.receiver!.on('frame', (frame) => frames.push(frame));
    const heard: InboundFrame[] = [];
    incomingSound.receiver!.on('frame', (frame) => heard.push(frame));
    await connect(sending.connection, receiving.connection);
    return { sending, receiving, picture, sound, incomingPicture, incomingSound, frames, heard, arena: new PacketArena(1 << 20) };
  }
  /** A VP8 frame: its first bit says whether it is a keyframe. */
  const frameOf = (keyframe: boolean, length = 3000): Uint8Array => {
    const data = new Uint8Array(length).fill(7);
    data[0] = keyframe ? 0 : 1;
    return data;
  };

  it('gives frames whole, as they were sent, and tells the sender how they came', async () => {
    const { sending, receiving, picture, sound, frames, heard, arena } = await pair();
    const feedback: TransportFeedback[] = [];
    sending.connection.on('transport-feedback', (message) => feedback.push(message));
    send(sending, picture, arena, frameOf(true));
    send(sending, sound, arena, new Uint8Array(80).fill(9));
    await vi.waitFor(() => expect([frames.length, heard.length]).toEqual([1, 1]), { timeout: 3000, interval: 5 });
    expect(frames[0]).toMatchObject({ codec: 'VP8', keyframe: true, clockRate: 90_000 });
    expect(Buffer.from(frames[0]!.data).equals(frameOf(true))).toBe(true);
    expect(heard[0]).toMatchObject({ codec: 'opus', data: new Uint8Array(80).fill(9) });
    await vi.waitFor(() => expect(feedback.reduce((sum, { arrivals }) => sum + arrivals.length, 0)).toBe(4));
    await vi.waitFor(() => expect(picture.sender!.stream!.remoteInbound).toMatchObject({ packetsLost: 0 }), { timeout: 3000 });
    // The receiver asks for the round-trip time (RFC 3611), and the sender's next report answers.
    const told = async () => {
      const stats = [...(await receiving.connection.getStats()).values()];
      return stats.find(({ type, kind }) => type === 'remote-outbound-rtp' && kind === 'video');
    };
    await vi.waitFor(async () => expect((await told())?.roundTripTime).toBeDefined(), { timeout: 5000 });
    expect((await told())!.roundTripTime).toBeLessThan(1);
    expect(await told()).toMatchObject({ packetsSent: 3 });
  });

  it('asks for what is lost and goes on when it comes', async () => {
    const { sending, picture, frames, arena } = await pair();
    send(sending, picture, arena, frameOf(true));
    const { stream } = picture.sender!;
    picture.sender!.on('retransmission-request', () => {
      const ops = new SendOps();
      const take = () => sending.connection.nextTransportSequenceNumber();
      while (stream!.nextRetransmission(ops, sending.connection.lane!, arena, performance.now(), take) > 0);
      sending.srtpSender.send(arena, ops);
    });
    const lost = createPacketiser('VP8').packetise(
      { data: frameOf(false), timestamp: 40_000, captureTime: 0, keyframe: false, temporalLayer: 0, duration: 0 },
      arena,
    )!;
    for (let i = 0; i < lost.count; i++) {
      const ops = new SendOps();
      const number = sending.connection.nextTransportSequenceNumber();
      stream!.writePacket(ops, sending.connection.lane!, arena, lost, i, performance.now(), number);
      if (i !== 1) sending.srtpSender.send(arena, ops);
    }
    await vi.waitFor(() => expect(frames).toHaveLength(2), { timeout: 3000, interval: 5 });
    expect(Buffer.from(frames[1]!.data).equals(frameOf(false))).toBe(true);
    expect(stream!.stats()).toMatchObject({ retransmittedPacketsSent: 1, pliCount: 0 });
  });

  it('asks for a keyframe where it cannot begin, and hears of the end', async () => {
    const { sending, picture, incomingPicture, frames, arena } = await pair();
    const asked = new Promise<string>((resolve) => picture.sender!.on('keyframe-request', resolve));
    const ended = new Promise<void>((resolve) => incomingPicture.receiver!.on('ended', resolve));
    send(sending, picture, arena, frameOf(false));
    expect(await asked).toBe('pli');
    expect(frames).toEqual([]);
    await sending.connection.close();
    await ended;
    expect(incomingPicture.receiver!.stream).toBeUndefined();
  });
});
