/** A real Chromium produces, and a connection of ours receives: every codec it has, whole, in order, decodable. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { av, check } from '../packages/tswebrtc/src/rtp/ffmpeg.testing.ts';
import type { InboundFrame } from '../packages/tswebrtc/src/rtp/receive/inbound-stream.ts';
import { produce } from './producing-page.ts';
import { useChromium } from './use-chromium.ts';

const DECODERS: Readonly<Record<string, string>> = { VP8: 'vp8', VP9: 'vp9', H264: 'h264', AV1: 'libdav1d', opus: 'libopus' };

describe('Chromium produces', () => {
  const chromium = useChromium();

  async function receive(codec: string) {
    const frames: InboundFrame[] = [];
    const heard: InboundFrame[] = [];
    const producing = await produce(chromium.browser, { codec }, (picture, sound) => {
      picture.receiver!.on('frame', (frame) => frames.push(frame));
      sound.receiver!.on('frame', (frame) => heard.push(frame));
    });
    onTestFinished(() => producing.close());
    return { ...producing, frames, heard };
  }

  /** How many pictures, or samples, a decoder of FFmpeg makes of the frames. */
  async function decode(codec: string, frames: readonly InboundFrame[]): Promise<{ count: number; width: number }> {
    const decoder = new av.CodecContext();
    const implementation = av.Codec.findDecoderByName(DECODERS[codec] as never)!;
    decoder.allocContext3(implementation);
    if (codec === 'opus') decoder.sampleRate = 48_000;
    decoder.threadCount = 1;
    check(await decoder.open2(implementation, null), `open ${codec}`);
    const packet = new av.Packet();
    const decoded = new av.Frame();
    packet.alloc();
    decoded.alloc();
    const result = { count: 0, width: 0 };
    const take = (): void => {
      while (decoder.receiveFrameSync(decoded) >= 0) {
        result.count += codec === 'opus' ? decoded.nbSamples : 1;
        result.width = decoded.width;
        decoded.unref();
      }
    };
    for (const { data } of frames) {
      packet.data = Buffer.from(data);
      check(decoder.sendPacketSync(packet), 'sendPacket');
      take();
    }
    check(decoder.sendPacketSync(null), 'flush');
    take();
    packet.free();
    decoded.free();
    decoder.freeContext();
    return result;
  }

  it.each(['VP8', 'VP9', 'H264', 'AV1'])('%s and Opus', async (codec) => {
    const { errors, connection, picture, frames, heard, page } = await receive(codec);
    const deadline = performance.now() + 30_000;
    while (frames.length < 90 || heard.length < 150) {
      if (performance.now() > deadline) throw new Error(`${frames.length} frames and ${heard.length} of sound in 30 s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(errors).toEqual([]);
    const [video, audio] = [frames.slice(), heard.slice()];
    expect(new Set(video.map((frame) => frame.codec))).toEqual(new Set([codec]));
    expect(video[0]!.keyframe).toBe(true);
    for (const some of [video, audio]) {
      expect(some.every(({ timestamp }, i) => i === 0 || timestamp > some[i - 1]!.timestamp)).toBe(true);
    }
    // A machine that is busy enough loses packets even on the way to itself, or is late with them; else nothing is missing.
    const inbound = [...(await connection.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
    const lost = (kind: string): number => {
      const { packetsLost, packetsDiscarded } = inbound.find((entry) => entry.kind === kind) as Record<string, unknown>;
      return (packetsLost as number) + (packetsDiscarded as number);
    };
    const gaps = (some: readonly InboundFrame[]): number => some.slice(1).filter(({ afterLoss }) => afterLoss).length;
    expect(gaps(video)).toBeLessThanOrEqual(lost('video'));
    expect(gaps(audio)).toBeLessThanOrEqual(lost('audio'));
    expect((await decode(codec, video)).count).toBe(video.length);
    expect((await decode('opus', audio)).count).toBeGreaterThanOrEqual(audio.length * 960 - 960);
    // What the page sends it knows to have come.
    const report = await page.evaluate(async () => {
      const entries = [...(await producer.getStats()).values()];
      const of = (type: string, kind: string) => entries.find((entry) => entry.type === type && entry.kind === kind);
      const { framesSent, ssrc } = of('outbound-rtp', 'video')!;
      return { framesSent, ssrc, reported: of('remote-inbound-rtp', 'video') !== undefined } as Record<string, unknown>;
    });
    expect(report.reported).toBe(true);
    expect(frames.length / (report.framesSent as number)).toBeGreaterThan(0.9);
    expect(report.ssrc).toBe(picture.receiver!.stream!.ssrc);
    // Its clock is known from its reports: sound and picture can be played together.
    expect(video.at(-1)!.captureTime).toBeDefined();
    expect(Math.abs(video.at(-1)!.captureTime! - Date.now())).toBeLessThan(60_000);
  });
});
