/** Chromium repairs what is lost of our video by RED and ULPFEC, and of our audio by RED, without asking for anything again. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Connection } from '../packages/tswebrtc/src/connection/connection.ts';
import { NodeSrtpSender } from '../packages/tswebrtc/src/connection/srtp/node-srtp-sender.ts';
import type { IceCandidateInit, TransceiverInit } from '../packages/tswebrtc/src/connection/types.ts';
import { loadMediaEngine } from '../packages/tswebrtc/src/media/engine.ts';
import type { CodecName, MediaEngine } from '../packages/tswebrtc/src/media/types.ts';
import { PacketArena } from '../packages/tswebrtc/src/rtp/packet-arena.ts';
import { createPacketiser } from '../packages/tswebrtc/src/rtp/packetiser.ts';
import { SendOps } from '../packages/tswebrtc/src/rtp/send-ops.ts';
import { openPage } from './chromium.ts';
import { useChromium } from './use-chromium.ts';

const H264 = { name: 'H264', clockRate: 90000 };
const VP8 = { name: 'VP8', clockRate: 90000 };
const OPUS = { name: 'OPUS', clockRate: 48000, channels: 2 };

declare global {
  var peer: RTCPeerConnection;
  var sendCandidate: (candidate: RTCIceCandidateInit) => Promise<void>;
}

interface Inbound {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly fecPacketsReceived: number;
  readonly framesDecoded: number;
  readonly pliCount: number;
  readonly keyFramesDecoded: number;
  readonly concealmentEvents: number;
}

describe('Chromium', () => {
  const chromium = useChromium();
  let engine: MediaEngine;

  beforeAll(async () => {
    engine = await loadMediaEngine();
  });
  afterAll(() => engine.close());

  /** A page that plays what it gets, and one connection of ours with one medium to send, connected. */
  async function connect(init: TransceiverInit, offerer: 'we' | 'page') {
    const { page, errors } = await openPage(chromium.browser);
    const srtpSender = new NodeSrtpSender();
    const connection = await Connection.create({ srtpSender, gatherLoopback: true });
    onTestFinished(() => page.close());
    onTestFinished(() => srtpSender.close());
    onTestFinished(() => connection.close());
    await page.exposeFunction('sendCandidate', (candidate: IceCandidateInit) => connection.addIceCandidate(candidate));
    await page.evaluate(() => {
      globalThis.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      peer.onicecandidate = ({ candidate }) => {
        if (candidate) void sendCandidate(candidate.toJSON());
      };
      peer.ontrack = ({ track, streams }) => {
        const element = document.createElement(track.kind) as HTMLMediaElement;
        element.srcObject = streams[0]!;
        element.autoplay = true;
        document.body.append(element);
      };
    });
    connection.on('icecandidate', async ({ candidate, sdpMLineIndex, sdpMid }) => {
      await page.evaluate((c) => peer.addIceCandidate(c), { candidate, sdpMLineIndex, sdpMid: sdpMid ?? null });
    });
    const connected = new Promise<void>((resolve, reject) => {
      connection.on('statechange', (state) => {
        if (state === 'connected') resolve();
        if (state === 'failed') reject(new Error('the connection failed'));
      });
    });
    const transceiver = connection.addTransceiver(init);
    if (offerer === 'we') {
      const offer = await connection.createOffer();
      await connection.setLocalDescription(offer);
      const sdp = await page.evaluate(async (description) => {
        await peer.setRemoteDescription(description);
        await peer.setLocalDescription(await peer.createAnswer());
        return peer.localDescription!.sdp;
      }, offer);
      await connection.setRemoteDescription({ type: 'answer', sdp });
    } else {
      const sdp = await page.evaluate(async (kind) => {
        peer.addTransceiver(kind, { direction: 'recvonly' });
        await peer.setLocalDescription(await peer.createOffer());
        return peer.localDescription!.sdp;
      }, init.kind);
      await connection.setRemoteDescription({ type: 'offer', sdp });
      const answer = await connection.createAnswer();
      await connection.setLocalDescription(answer);
      await page.evaluate((description) => peer.setRemoteDescription(description), answer);
    }
    await connected;
    return { page, errors, connection, srtpSender, transceiver, stream: transceiver.sender!.stream! };
  }

  /**
   * Encodes and sends, and loses a packet of every `lossInterval`-th frame that has at least `leastPackets`, as the network would:
   * it has its numbers, but never leaves. Returns how many were lost so far.
   */
  async function send(
    { connection, srtpSender, transceiver, stream }: Awaited<ReturnType<typeof connect>>,
    codec: CodecName,
    lossInterval: number,
    leastPackets: number,
  ): Promise<() => number> {
    const isVideo = codec !== 'OPUS';
    const input = await engine.openInput(
      isVideo ? { type: 'testsrc', width: 640, height: 360, framerate: 30 } : { type: 'tone' },
    );
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: isVideo ? 2_000_000 : 64_000 });
    const arena = new PacketArena();
    const packetiser = createPacketiser(codec);
    const ops = new SendOps();
    let frames = 0;
    let lost = 0;
    transceiver.sender!.on('keyframe-request', () => encoding.requestKeyframe());
    encoding.on('frame', (frame) => {
      const packetised = packetiser.packetise(frame, arena);
      frame.release();
      if (!packetised) return;
      const lane = connection.lane!;
      const now = performance.now();
      const takeNumber = (): number => connection.nextTransportSequenceNumber();
      ops.clear();
      const loses = ++frames > 30 && frames % lossInterval === 0 && packetised.count >= leastPackets;
      for (let i = 0; i < packetised.count; i++) {
        stream.writePacket(ops, lane, arena, packetised, i, now, takeNumber());
        if (!loses || i !== frames % packetised.count) continue;
        ops.count--;
        lost++;
      }
      while (stream.nextFec(ops, lane, arena, now, takeNumber) > 0);
      srtpSender.send(arena, ops);
    });
    onTestFinished(() => input.close());
    onTestFinished(() => encoding.close());
    input.start();
    return () => lost;
  }

  const inbound = (page: Page): Promise<Inbound | undefined> =>
    page.evaluate(async () => [...(await peer.getStats()).values()].find((entry) => entry.type === 'inbound-rtp'));

  /** Statistics once `met` holds of them. */
  async function inboundWhen(page: Page, met: (stats: Inbound) => boolean): Promise<Inbound> {
    for (const end = performance.now() + 15_000; performance.now() < end; ) {
      const stats = await inbound(page);
      if (stats && met(stats)) return stats;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`not met within 15 s: ${met}, but ${JSON.stringify(await inbound(page))}`);
  }

  it.each([
    ['VP8', 'we', [VP8, H264], false],
    ['H264', 'we', [H264, VP8], false],
    ['H264', 'we', [H264, VP8], true],
    ['VP8', 'page', [VP8], false],
    ['H264', 'page', [H264], true],
  ] as const)(
    'recovers lost packets of %s by ULPFEC where %s offered %j, retransmission %s',
    async (codec, offerer, codecs, retransmission) => {
      const session = await connect({ kind: 'video', direction: 'sendonly', codecs, fec: true, retransmission }, offerer);
      const { page, errors, stream, transceiver } = session;
      expect(transceiver.codec).toMatchObject({
        name: codec,
        redPayloadType: expect.any(Number),
        ulpfecPayloadType: expect.any(Number),
      });
      expect(transceiver.codec!.redRtxPayloadType !== undefined).toBe(retransmission);
      stream.fecPercentage = 30;
      const lost = await send(session, codec, 4, 4);
      const before = await inboundWhen(page, ({ framesDecoded }) => framesDecoded >= 30);
      const lostBefore = lost();
      const after = await inboundWhen(page, ({ framesDecoded }) => framesDecoded >= before.framesDecoded + 90);
      // Chromium counts no ULPFEC packets. That it used them is seen by this: nobody sent anything again, and nothing is missing.
      expect(lost() - lostBefore).toBeGreaterThan(10);
      expect(after.packetsLost).toBeGreaterThan(10);
      expect(stream.stats().retransmittedPacketsSent).toBe(0);
      expect(after.pliCount - before.pliCount).toBe(0);
      expect(after.keyFramesDecoded).toBe(before.keyFramesDecoded);

      // The same losses without FEC stop the picture until there is a keyframe.
      stream.fecPercentage = 0;
      await inboundWhen(page, ({ pliCount }) => pliCount > after.pliCount);
      expect(errors).toEqual([]);
    },
  );

  it('fills gaps in our audio by the packet behind them', async () => {
    const session = await connect({ kind: 'audio', direction: 'sendonly', codecs: [OPUS], fec: true }, 'page');
    const { page, stream, transceiver } = session;
    expect(transceiver.codec).toMatchObject({ name: 'opus', redPayloadType: expect.any(Number) });
    expect(stream.supportsRedundancy).toBe(true);
    stream.redundancy = 1;
    const lost = await send(session, 'OPUS', 10, 1);
    const before = await inboundWhen(page, ({ packetsReceived }) => packetsReceived >= 80);
    const lostBefore = lost();
    const after = await inboundWhen(page, ({ packetsReceived }) => packetsReceived >= 260);
    expect(lost() - lostBefore).toBeGreaterThan(10);
    expect(after.fecPacketsReceived).toBeGreaterThan(0);
    const concealed = after.concealmentEvents - before.concealmentEvents;
    expect(concealed).toBeLessThanOrEqual(3);

    // The same losses without it are heard.
    stream.redundancy = 0;
    await inboundWhen(page, ({ concealmentEvents }) => concealmentEvents >= after.concealmentEvents + 10);
  });
});
