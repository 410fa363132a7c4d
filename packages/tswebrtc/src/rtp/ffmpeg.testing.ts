/** FFmpeg as a peer for tests of RTP: its encoders, and pictures and sound for them. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { CodecContext, Frame, Packet } from 'node-av';
import { random } from './ops.testing.ts';
import type { EncodedFrameInput } from './packetiser.ts';
import { NalUnits } from './packetisers/annex-b.ts';

// node-av needs it; Node has it from 22 on.
Object.assign(Promise, {
  withResolvers: <T>() => {
    let resolve!: (value: T) => void;
    let reject!: (reason: unknown) => void;
    const promise = new Promise<T>((res, rej) => {
      resolve = res;
      reject = rej;
    });
    return { promise, resolve, reject };
  },
});
export const av = await import('node-av');
export const constants = await import('node-av/constants');

export const check = (result: number, what: string): number => {
  av.FFmpegError.throwIfError(result, what);
  return result;
};

/** Encodes `count` raw frames. `microsecondsPerUnit`: of the frames' time base. */
export async function encode(
  encoder: string,
  options: Record<string, string>,
  configure: (context: CodecContext) => void,
  makeFrame: (index: number) => Frame,
  count: number,
  microsecondsPerUnit: number,
  /** Sees each packet, and the encoder that made it, while they live. */
  onPacket?: (packet: Packet, context: CodecContext) => void,
): Promise<EncodedFrameInput[]> {
  const codec = av.Codec.findEncoderByName(encoder as never)!;
  const context = new av.CodecContext();
  context.allocContext3(codec);
  configure(context);
  check(await context.open2(codec, av.Dictionary.fromObject(options)), `open ${encoder}`);
  const frames: EncodedFrameInput[] = [];
  const packet = new av.Packet();
  packet.alloc();
  for (let i = 0; i <= count; i++) {
    const frame = i < count ? makeFrame(i) : null;
    check(context.sendFrameSync(frame), 'sendFrame');
    frame?.free();
    while (context.receivePacketSync(packet) >= 0) {
      onPacket?.(packet, context);
      const timestamp = Number(packet.pts) * microsecondsPerUnit;
      frames.push({
        data: Uint8Array.from(packet.data!),
        timestamp,
        captureTime: 1.7e12 + timestamp / 1000,
        keyframe: packet.isKeyframe,
        temporalLayer: 0,
        duration: 0,
      });
      packet.unref();
    }
  }
  packet.free();
  context.freeContext();
  return frames;
}

/** Binds nothing, but finds an RTP port whose RTCP neighbour is free as well. */
export async function findPortPair(): Promise<number> {
  for (;;) {
    const rtp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(rtp, 'listening');
    const { port } = rtp.address() as AddressInfo;
    const rtcp = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      rtcp.once('error', () => resolve(false));
      rtcp.bind(port + 1, '127.0.0.1', () => resolve(true));
    });
    rtp.close();
    rtcp.close();
    if (free && port % 2 === 0) return port;
  }
}

const WIDTH = 320;
const HEIGHT = 240;
export const FRAMES = 50;
export const FRAME_TICKS = 3003; // 29.97 fps at 90 kHz

/** Noise, so that frames need several packets, on a picture that moves. */
export function picture(): (index: number) => Frame {
  const next = random(7);
  const pixels = Buffer.alloc((WIDTH * HEIGHT * 3) / 2, 128);
  return (index) => {
    for (let i = 0; i < WIDTH * HEIGHT; i++) pixels[i] = ((i + 7 * index) & 0xff) / 2 + next() * 40;
    const frame = av.Frame.fromVideoBuffer(pixels, {
      width: WIDTH,
      height: HEIGHT,
      format: constants.AV_PIX_FMT_YUV420P,
      timeBase: { num: 1, den: 90_000 },
    });
    frame.pts = BigInt(index * FRAME_TICKS);
    return frame;
  };
}

export function configureVideo(context: CodecContext): void {
  context.width = WIDTH;
  context.height = HEIGHT;
  context.pixelFormat = constants.AV_PIX_FMT_YUV420P;
  context.timeBase = new av.Rational(1, 90_000);
  context.framerate = new av.Rational(30_000, 1001);
  context.bitRate = 1_500_000n;
  context.gopSize = 20;
  context.maxBFrames = 0;
  context.threadCount = 1;
}

export const OPUS_OPTIONS = { application: 'lowdelay', frame_duration: '20' };

/** A tone in stereo, 20 ms a frame. */
export function sound(): (index: number) => Frame {
  const samples = Buffer.alloc(960 * 2 * 2);
  return (index) => {
    for (let i = 0; i < 1920; i++) samples.writeInt16LE(8000 * Math.sin((index * 960 + (i >> 1)) / 17), 2 * i);
    const frame = av.Frame.fromAudioBuffer(samples, {
      nbSamples: 960,
      format: constants.AV_SAMPLE_FMT_S16,
      sampleRate: 48_000,
      channelLayout: constants.AV_CHANNEL_LAYOUT_STEREO,
      timeBase: { num: 1, den: 48_000 },
    });
    frame.pts = BigInt(index * 960);
    return frame;
  };
}

export function configureAudio(context: CodecContext): void {
  context.sampleRate = 48_000;
  context.sampleFormat = constants.AV_SAMPLE_FMT_S16;
  context.channelLayout = constants.AV_CHANNEL_LAYOUT_STEREO;
  context.timeBase = new av.Rational(1, 48_000);
  context.bitRate = 96_000n;
}

/** All NAL units as hex, without access unit delimiters. */
export function nalUnits(data: Uint8Array): string[] {
  const units = new NalUnits();
  units.find(data);
  return Array.from({ length: units.count }, (_, i) =>
    Buffer.from(data.subarray(units.offsets[2 * i], units.offsets[2 * i + 1])).toString('hex'),
  ).filter((unit) => (Number.parseInt(unit.slice(0, 2), 16) & 0x1f) !== 9);
}

/** An encoder for each codec, quick and without delay: its name and options. */
export const VIDEO_ENCODERS: Readonly<
  Record<'VP8' | 'VP9' | 'H264' | 'H265' | 'AV1', [encoder: string, options: Record<string, string>]>
> = {
  VP8: ['libvpx', { deadline: 'realtime', 'cpu-used': '8' }],
  VP9: ['libvpx-vp9', { deadline: 'realtime', 'cpu-used': '8' }],
  H264: ['libx264', { preset: 'ultrafast', tune: 'zerolatency' }],
  H265: ['libx265', { preset: 'ultrafast', tune: 'zerolatency', 'x265-params': 'log-level=none:repeat-headers=1' }],
  AV1: ['libsvtav1', { preset: '13', 'svtav1-params': 'pred-struct=1:rc=2:lp=1' }],
};
