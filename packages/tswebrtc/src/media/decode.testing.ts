/** Decodes encoded frames, for tests: what a viewer would see and hear. */
import type * as Av from 'node-av/lib';
import type { VideoCodecName } from './types.ts';
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface DecodedPicture {
  readonly width: number;
  readonly height: number;
  /** One byte a pixel, `stride` bytes a row. */
  readonly luma: Uint8Array;
  readonly stride: number;
}

/** Decodes frames that follow each other, the first a keyframe. */
export async function decodeVideo(codec: VideoCodecName, frames: readonly { data: Uint8Array }[]): Promise<DecodedPicture[]> {
  const pictures: DecodedPicture[] = [];
  await decode(codec, frames, (frame) => {
    const { width, height } = frame;
    pictures.push({ width, height, luma: Uint8Array.from(frame.data![0]!), stride: frame.linesize[0]! });
  });
  return pictures;
}

/** Decodes Opus packets to the left channel, 48,000 samples a second. */
export async function decodeAudio(frames: readonly { data: Uint8Array }[]): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  await decode('OPUS', frames, (frame) => {
    const plane = frame.data![0]!;
    // libopus decodes to 16-bit interleaved.
    const samples = new Int16Array(plane.buffer, plane.byteOffset, frame.nbSamples * 2);
    parts.push(Float32Array.from({ length: frame.nbSamples }, (_, i) => samples[2 * i]! / 32768));
  });
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const DECODERS = { VP8: 'vp8', H264: 'h264', VP9: 'vp9', H265: 'hevc', AV1: 'libdav1d', OPUS: 'libopus' } as const;

async function decode(
  name: VideoCodecName | 'OPUS',
  frames: readonly { data: Uint8Array }[],
  take: (frame: Av.Frame) => void,
): Promise<void> {
  addWithResolvers();
  const av = await import('node-av/lib');
  const { AV_CHANNEL_LAYOUT_STEREO, AV_LOG_QUIET } = await import('node-av/constants');
  av.Log.setLevel(AV_LOG_QUIET);
  const decoder = DECODERS[name];
  const codec = av.Codec.findDecoderByName(decoder as Parameters<typeof av.Codec.findDecoderByName>[0]);
  if (!codec) throw new Error(`no decoder for ${name}`);
  const context = new av.CodecContext();
  context.allocContext3(codec);
  if (name === 'OPUS') {
    context.sampleRate = 48_000;
    context.channelLayout = AV_CHANNEL_LAYOUT_STEREO;
  }
  av.FFmpegError.throwIfError(await context.open2(codec, null));
  const packet = new av.Packet();
  packet.alloc();
  const frame = new av.Frame();
  frame.alloc();
  const receive = (): void => {
    while (context.receiveFrameSync(frame) >= 0) take(frame);
  };
  frames.forEach(({ data }, index) => {
    packet.data = Buffer.from(data);
    packet.pts = BigInt(index);
    av.FFmpegError.throwIfError(context.sendPacketSync(packet), `decode frame ${index}`);
    packet.unref();
    receive();
  });
  context.sendPacketSync(null);
  receive();
  packet.free();
  frame.free();
  context.freeContext();
}

/** Strength of `frequency` in `samples` (Goertzel): about the amplitude of a sine of that frequency. */
export function strengthAt(samples: Float32Array, frequency: number, sampleRate = 48_000): number {
  const omega = (2 * Math.PI * frequency) / sampleRate;
  const coefficient = 2 * Math.cos(omega);
  let s1 = 0;
  let s2 = 0;
  for (const sample of samples) [s1, s2] = [sample + coefficient * s1 - s2, s1];
  return (2 * Math.sqrt(Math.max(0, s1 * s1 + s2 * s2 - coefficient * s1 * s2))) / samples.length;
}
