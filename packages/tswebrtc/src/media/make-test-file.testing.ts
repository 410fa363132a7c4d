/**
 * Makes media files for tests: once a second, half a second in, the picture flashes white and a beep sounds, for 100 ms
 * together. Whoever receives both can tell by how much they have drifted apart.
 */
import type * as Av from 'node-av/lib';
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface TestFileOptions {
  /** s. Default 2. */
  readonly duration?: number;
  /** Pixels, even. Default 320. */
  readonly width?: number;
  /** Pixels, even. Default 240. */
  readonly height?: number;
  /** Frames per second. Default 30. */
  readonly framerate?: number;
  /** FFmpeg's name of the video encoder, or false for none. Default `libx264`. */
  readonly video?: 'libx264' | 'libvpx' | false;
  /** FFmpeg's name of the audio encoder, or false for none. Default `aac`. */
  readonly audio?: 'aac' | 'libopus' | false;
}

/** s into each second */
export const FLASH_START = 0.5;
/** s */
export const FLASH_DURATION = 0.1;
/** Hz */
export const BEEP_FREQUENCY = 1000;
/** Luma of the picture outside the flash. */
const DARK = 60;
const WHITE = 235;

export function isFlash(seconds: number): boolean {
  const phase = (seconds % 1) - FLASH_START;
  return phase >= -1e-6 && phase < FLASH_DURATION - 1e-6;
}

/** Writes a test file; the container follows from the ending of `path` (`.mp4`, `.mkv`, `.webm`). */
export async function makeTestFile(path: string, options: TestFileOptions = {}): Promise<void> {
  const { duration = 2, video = 'libx264', audio = 'aac' } = options;
  addWithResolvers();
  const av = await import('node-av/lib');
  av.Log.setLevel((await import('node-av/constants')).AV_LOG_QUIET);
  const file = new av.FormatContext();
  file.allocOutputContext2(null, null, path);
  const lanes: Lane[] = [];
  if (video) lanes.push(await videoLane(av, file, video, options));
  if (audio) lanes.push(await audioLane(av, file, audio));
  check(av, await file.openOutput());
  check(av, await file.writeHeader());
  const packet = new av.Packet();
  packet.alloc();
  const send = (lane: Lane, frame: Av.Frame | null): void => {
    check(av, lane.context.sendFrameSync(frame));
    while (lane.context.receivePacketSync(packet) >= 0) {
      packet.streamIndex = lane.stream.index;
      if (packet.duration === 0n) packet.duration = lane.frame.duration;
      packet.rescaleTs(lane.context.timeBase, lane.stream.timeBase);
      check(av, file.interleavedWriteFrameSync(packet));
      packet.unref();
    }
  };
  for (;;) {
    const lane = lanes.reduce((a, b) => (b.time < a.time ? b : a));
    if (lane.time >= duration) break;
    lane.draw();
    send(lane, lane.frame);
  }
  for (const lane of lanes) send(lane, null);
  check(av, await file.writeTrailer());
  await file.closeOutput();
  file.freeContext();
  packet.free();
  for (const lane of lanes) {
    lane.frame.free();
    lane.context.freeContext();
  }
}

interface Lane {
  readonly context: Av.CodecContext;
  readonly stream: Av.Stream;
  readonly frame: Av.Frame;
  /** Of the next frame, s. */
  time: number;
  /** Draws the next frame. */
  draw(): void;
}

async function videoLane(
  av: typeof Av,
  file: Av.FormatContext,
  name: 'libx264' | 'libvpx',
  { width = 320, height = 240, framerate = 30 }: TestFileOptions,
): Promise<Lane> {
  const { AV_PIX_FMT_YUV420P } = await import('node-av/constants');
  const lane = await openLane(av, file, name, (context) => {
    context.width = width;
    context.height = height;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = new av.Rational(1, framerate);
    context.framerate = new av.Rational(framerate, 1);
    context.bitRate = 500_000n;
    context.gopSize = framerate;
  });
  const { frame } = lane;
  frame.width = width;
  frame.height = height;
  frame.format = AV_PIX_FMT_YUV420P;
  check(av, frame.getBuffer(0));
  let index = 0;
  return Object.assign(lane, {
    draw(): void {
      check(av, frame.makeWritable());
      const [y, u, v] = frame.data!;
      y!.fill(isFlash(index / framerate) ? WHITE : DARK);
      u!.fill(128);
      v!.fill(128);
      frame.pts = BigInt(index++);
      frame.duration = 1n;
      lane.time = index / framerate;
    },
  });
}

async function audioLane(av: typeof Av, file: Av.FormatContext, name: 'aac' | 'libopus'): Promise<Lane> {
  const { AV_CHANNEL_LAYOUT_STEREO, AV_SAMPLE_FMT_FLT, AV_SAMPLE_FMT_FLTP } = await import('node-av/constants');
  const planar = name === 'aac';
  // Another rate than the engine's own where the codec allows, so that resampling is part of what is tested.
  const sampleRate = name === 'aac' ? 44_100 : 48_000;
  const lane = await openLane(av, file, name, (context) => {
    context.sampleRate = sampleRate;
    context.sampleFormat = planar ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_FLT;
    context.channelLayout = AV_CHANNEL_LAYOUT_STEREO;
    context.timeBase = new av.Rational(1, sampleRate);
    context.bitRate = 128_000n;
  });
  const { frame, context } = lane;
  const { frameSize } = context;
  frame.format = context.sampleFormat;
  frame.sampleRate = sampleRate;
  frame.channelLayout = AV_CHANNEL_LAYOUT_STEREO;
  frame.nbSamples = frameSize;
  check(av, frame.getBuffer(0));
  let position = 0;
  return Object.assign(lane, {
    draw(): void {
      check(av, frame.makeWritable());
      const planes = frame.data!.map((b) => new Float32Array(b.buffer, b.byteOffset, b.byteLength >>> 2));
      for (let i = 0; i < frameSize; i++) {
        const time = (position + i) / sampleRate;
        const value = isFlash(time) ? 0.5 * Math.sin(2 * Math.PI * BEEP_FREQUENCY * time) : 0;
        if (planar) planes[0]![i] = planes[1]![i] = value;
        else planes[0]![2 * i] = planes[0]![2 * i + 1] = value;
      }
      frame.pts = BigInt(position);
      position += frameSize;
      lane.time = position / sampleRate;
    },
  });
}

async function openLane(
  av: typeof Av,
  file: Av.FormatContext,
  name: 'libx264' | 'libvpx' | 'aac' | 'libopus',
  configure: (context: Av.CodecContext) => void,
): Promise<Omit<Lane, 'draw'>> {
  const { AV_CODEC_FLAG_GLOBAL_HEADER } = await import('node-av/constants');
  const codec = av.Codec.findEncoderByName(name as Parameters<typeof av.Codec.findEncoderByName>[0]);
  if (!codec) throw new Error(`no encoder ${name}`);
  const context = new av.CodecContext();
  context.allocContext3(codec);
  configure(context);
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  check(av, await context.open2(codec, null));
  const stream = file.newStream();
  check(av, stream.codecpar.fromContext(context));
  stream.timeBase = context.timeBase;
  const frame = new av.Frame();
  frame.alloc();
  return { context, stream, frame, time: 0 };
}

function check(av: typeof Av, result: number): void {
  av.FFmpegError.throwIfError(result);
}
