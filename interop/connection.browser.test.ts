/** Our connection against the RTCPeerConnection of a real Chromium, both as offerer and as answerer. */
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Connection, type Transceiver } from '../packages/tswebrtc/src/connection/connection.ts';
import { NodeSrtpSender } from '../packages/tswebrtc/src/connection/srtp/node-srtp-sender.ts';
import type { DataChannel } from '../packages/tswebrtc/src/connection/transport/types.ts';
import type { IceCandidateInit } from '../packages/tswebrtc/src/connection/types.ts';
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
  var tracks: string[];
  var sendCandidate: (candidate: RTCIceCandidateInit) => Promise<void>;
}

describe('Chromium', () => {
  const chromium = useChromium();

  /** A page with an RTCPeerConnection that echoes data channels, and a connection of ours that trickles to and from it. */
  async function setUp() {
    const { page, errors } = await openPage(chromium.browser);
    const srtpSender = new NodeSrtpSender();
    const connection = await Connection.create({ srtpSender, gatherLoopback: true });
    onTestFinished(() => page.close());
    onTestFinished(() => srtpSender.close());
    onTestFinished(() => connection.close());
    await page.exposeFunction('sendCandidate', (candidate: IceCandidateInit) => connection.addIceCandidate(candidate));
    await page.evaluate(() => {
      globalThis.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      globalThis.tracks = [];
      peer.onicecandidate = ({ candidate }) => {
        if (candidate) void sendCandidate(candidate.toJSON());
      };
      peer.ontrack = ({ track, streams }) => tracks.push(`${track.kind} of ${streams.length} stream`);
      peer.ondatachannel = ({ channel }) => {
        channel.onmessage = ({ data }) => channel.send(`echo ${data}`);
      };
    });
    connection.on('icecandidate', async ({ candidate, sdpMLineIndex, sdpMid }) => {
      await page.evaluate((init) => peer.addIceCandidate(init), { candidate, sdpMLineIndex, sdpMid: sdpMid ?? null });
    });
    const connected = new Promise<void>((resolve, reject) => {
      connection.on('statechange', (state) => {
        if (state === 'connected') resolve();
        if (state === 'failed') reject(new Error('the connection failed'));
      });
    });
    return { page, errors, connection, srtpSender, connected };
  }

  /** We offer, the page answers. */
  async function offerTo(page: Page, connection: Connection): Promise<string> {
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    const sdp = await page.evaluate(async (description) => {
      await peer.setRemoteDescription(description);
      await peer.setLocalDescription(await peer.createAnswer());
      return peer.localDescription!.sdp;
    }, offer);
    await connection.setRemoteDescription({ type: 'answer', sdp });
    return sdp;
  }

  async function echo(channel: DataChannel, text: string): Promise<string | Uint8Array> {
    if (channel.readyState !== 'open') await new Promise<void>((resolve) => channel.once('open', resolve));
    const answer = new Promise<string | Uint8Array>((resolve) => channel.once('message', resolve));
    await channel.send(text);
    return answer;
  }

  /** Sends an Opus packet of silence every 20 ms until the test ends. */
  function sendOpus(connection: Connection, srtpSender: NodeSrtpSender, transceiver: Transceiver): void {
    const arena = new PacketArena(1 << 20);
    const packetiser = createPacketiser('OPUS');
    const ops = new SendOps();
    let timestamp = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      // Three bytes of silence (RFC 6716 §3.1: CELT, 20 ms, stereo).
      const data = Uint8Array.of(0xfc, 0xff, 0xfe);
      const captureTime = performance.timeOrigin + now;
      const frame = packetiser.packetise(
        { data, timestamp, captureTime, keyframe: true, temporalLayer: 0, duration: 20_000 },
        arena,
      )!;
      timestamp += 20_000;
      ops.clear();
      const number = connection.nextTransportSequenceNumber();
      transceiver.sender!.stream!.writePacket(ops, connection.lane!, arena, frame, 0, now, number);
      srtpSender.send(arena, ops);
    }, 20);
    onTestFinished(() => clearInterval(timer));
  }

  it('takes our offer: video, audio with a stream, and an echoing data channel', async () => {
    const { page, errors, connection, srtpSender, connected } = await setUp();
    const picture = connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [H264, VP8] });
    const sound = connection.addTransceiver({ kind: 'audio', direction: 'sendonly', codecs: [OPUS] });
    const channel = connection.createDataChannel('control', { priority: 'high' });
    const feedback = new Promise<void>((resolve) => connection.once('transport-feedback', () => resolve()));
    const answer = await offerTo(page, connection);
    await connected;
    sendOpus(connection, srtpSender, sound);

    expect(await page.evaluate(() => tracks)).toEqual(['video of 1 stream', 'audio of 1 stream']);
    expect(picture).toMatchObject({ currentDirection: 'sendonly', extensions: { transportCc: 1 } });
    expect(picture.codec).toMatchObject({ name: 'H264', payloadType: 96, rtxPayloadType: expect.any(Number) });
    expect(picture.codec!.rtcpFeedback).toEqual(expect.arrayContaining(['nack', 'nack pli', 'ccm fir', 'transport-cc']));
    expect(sound.codec).toMatchObject({ name: 'opus', payloadType: 98, rtcpFeedback: ['transport-cc'] });
    expect(answer).toMatch(/a=fmtp:98 .*useinbandfec=1/);
    expect(await echo(channel, 'Grüße')).toBe('echo Grüße');

    // Media arrives under the announced SSRC, is reported on and answered with transport-wide feedback.
    const received = () =>
      page.evaluate(async () => {
        const stats = [...(await peer.getStats()).values()];
        return stats.some((entry) => entry.type === 'inbound-rtp' && entry.kind === 'audio' && entry.packetsReceived > 20);
      });
    await expect.poll(received, { timeout: 15_000 }).toBe(true);
    const ssrcs = await page.evaluate(async () =>
      [...(await peer.getStats()).values()].filter((e) => e.type === 'inbound-rtp' && e.kind === 'audio').map((e) => e.ssrc),
    );
    expect(ssrcs).toEqual([sound.sender!.ssrc]);
    await feedback;
    const reported = () =>
      page.evaluate(async () =>
        [...(await peer.getStats()).values()].some((entry) => entry.type === 'remote-outbound-rtp' && entry.reportsSent > 0),
      );
    await expect.poll(reported, { timeout: 15_000 }).toBe(true);
    expect(errors).toEqual([]);
  });

  it('offers to watch, and our answer connects', async () => {
    const { page, errors, connection, connected } = await setUp();
    const sound = connection.addTransceiver({ kind: 'audio', direction: 'sendonly', codecs: [OPUS] });
    const picture = connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [H264, VP8] });
    const echoed = page.evaluate(
      () =>
        new Promise((resolve) => {
          const channel = peer.createDataChannel('control');
          channel.onopen = () => channel.send('hello');
          channel.onmessage = ({ data }) => resolve(data);
        }),
    );
    connection.on('datachannel', (channel) => channel.on('message', (data) => channel.send(`echo ${data}`)));
    const sdp = await page.evaluate(async () => {
      peer.addTransceiver('audio', { direction: 'recvonly' });
      peer.addTransceiver('video', { direction: 'recvonly' });
      await peer.setLocalDescription(await peer.createOffer());
      return peer.localDescription!.sdp;
    });
    await connection.setRemoteDescription({ type: 'offer', sdp });
    const answer = await connection.createAnswer();
    await connection.setLocalDescription(answer);
    await page.evaluate((description) => peer.setRemoteDescription(description), answer);
    await connected;

    expect(await echoed).toBe('echo hello');
    expect(await page.evaluate(() => [...tracks].sort())).toEqual(['audio of 1 stream', 'video of 1 stream']);
    expect(picture.codec).toMatchObject({ name: 'H264', rtxPayloadType: expect.any(Number) });
    expect(picture.codec!.fmtp['packetization-mode']).toBe('1');
    expect(picture.extensions.transportCc).toBeGreaterThan(0);
    expect(sound.codec).toMatchObject({ name: 'opus' });
    expect(await page.evaluate(() => peer.getTransceivers().map((t) => t.currentDirection))).toEqual(['recvonly', 'recvonly']);
    expect(errors).toEqual([]);
  });

  it('sends to us, and the streams are the ones it announced', async () => {
    const { page, errors, connection, connected } = await setUp();
    const picture = connection.addTransceiver({ kind: 'video', direction: 'recvonly', codecs: [VP8] });
    const ssrcs = new Set<number>();
    const arrived = new Promise<void>((resolve) => {
      connection.on('rtp', (packet) => {
        ssrcs.add(new DataView(packet.buffer, packet.byteOffset).getUint32(8));
        resolve();
      });
    });
    await page.evaluate(async () => {
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d')!;
      let step = 0;
      setInterval(() => {
        context.fillStyle = `hsl(${step++ % 360} 100% 50%)`;
        context.fillRect(0, 0, canvas.width, canvas.height);
      }, 30);
      peer.addTrack(canvas.captureStream(30).getVideoTracks()[0]!);
    });
    await offerTo(page, connection);
    await connected;
    await arrived;
    expect(picture.currentDirection).toBe('recvonly');
    const announced = picture.remoteSources.flatMap((source) => [source.ssrc, source.rtxSsrc]);
    expect(announced).toContain([...ssrcs][0]);
    expect(errors).toEqual([]);
  });

  it('takes a re-offer with one more stream, and the data channel stays', async () => {
    const { page, errors, connection, connected } = await setUp();
    connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    const channel = connection.createDataChannel('control');
    await offerTo(page, connection);
    await connected;
    expect(await echo(channel, 'one')).toBe('echo one');
    const sound = connection.addTransceiver({ kind: 'audio', direction: 'sendonly', codecs: [OPUS] });
    await offerTo(page, connection);
    expect(sound).toMatchObject({ mid: 'audio2', currentDirection: 'sendonly' });
    expect(await page.evaluate(() => tracks)).toEqual(['video of 1 stream', 'audio of 1 stream']);
    expect(await echo(channel, 'two')).toBe('echo two');
    expect(errors).toEqual([]);
  });
});
