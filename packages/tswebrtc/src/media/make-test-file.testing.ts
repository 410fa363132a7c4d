/**
 * Makes media files for tests: once a second, half a second in, the picture flashes white and a beep sounds, for 100 ms
 * together. Whoever receives both can tell by how much they have drifted apart.
 */
import type * as Av from 'node-av/lib';
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface TestFileOptions {
  /** s. Default 2. */
  readonly duration?: number;
  /** Pixels, for H264 even. Default 320. */
  readonly width?: number;
  /** Pixels, for H264 even. Default 240. */
  readonly height?: number;
  /** Frames per second. Default 30. */
  readonly framerate?: number;
  /** FFmpeg's name of the video encoder, or false for none. Default `libx264`. */
  readonly video?: 'libx264' | 'libvpx' | false;
  /** FFmpeg's name of the audio encoder, or false for none. Default `aac`. */
  readonly audio?: 'aac' | 'libopus' | 'flac' | false;
  /** Hz. Default 44100, for Opus 48000. */
  readonly sampleRate?: number;
  /** 1, 2 or 6 (5.1). Default 2. */
  readonly channels?: 1 | 2 | 6;
  /** When the sound begins, s. Default 0. */
  readonly soundStart?: number;
  /** Degrees clockwise by which a player has to turn the picture. Marks its top left corner as stored. Default none. */
  readonly rotation?: 90 | 180 | 270;
  /** Leaves out pictures, so that some stay three times as long. Default false. */
  readonly variable?: boolean;
  /** Ten bits a sample instead of eight. Default false. */
  readonly tenBit?: boolean;
  /** Pictures between others that are predicted from those behind them, too. Default: as many as the encoder likes. */
  readonly bFrames?: number;
  /** With which the pictures begin, where the container can say so (`.mov`, `.mp4`, `.mkv`). Default none. */
  readonly timeCode?: string;
  /** A thousandth slower than `framerate`, as television is: 29.97 in the place of 30. Default false. */
  readonly ntsc?: boolean;
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
/** Luma of the mark in the corner. */
const BLACK = 16;

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
  if (audio) lanes.push(await audioLane(av, file, audio, options));
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
  options: TestFileOptions,
): Promise<Lane> {
  const { width = 320, height = 240, framerate = 30, rotation, variable = false, tenBit = false, bFrames } = options;
  const { timeCode, ntsc = false } = options;
  const [num, den] = ntsc ? [1000 * framerate, 1001] : [framerate, 1];
  const { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE, AV_PKT_DATA_DISPLAYMATRIX } = await import('node-av/constants');
  const pixelFormat = tenBit ? AV_PIX_FMT_YUV420P10LE : AV_PIX_FMT_YUV420P;
  const lane = await openLane(av, file, name, (context) => {
    context.width = width;
    context.height = height;
    context.pixelFormat = pixelFormat;
    context.timeBase = new av.Rational(den, num);
    context.framerate = new av.Rational(num, den);
    context.bitRate = 500_000n;
    context.gopSize = framerate;
    if (bFrames !== undefined) context.maxBFrames = bFrames;
  });
  if (rotation) check(av, lane.stream.codecpar.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, displayMatrix(rotation)));
  if (timeCode !== undefined) lane.stream.metadata = av.Dictionary.fromObject({ timecode: timeCode });
  if (ntsc) lane.stream.avgFrameRate = new av.Rational(num, den);
  const { frame } = lane;
  frame.width = width;
  frame.height = height;
  frame.format = pixelFormat;
  check(av, frame.getBuffer(0));
  let index = 0;
  return Object.assign(lane, {
    draw(): void {
      check(av, frame.makeWritable());
      const fill = (plane: Buffer, value: number): void => {
        if (tenBit) new Uint16Array(plane.buffer, plane.byteOffset, plane.length >> 1).fill(value << 2);
        else plane.fill(value);
      };
      const [y, u, v] = frame.data!;
      fill(y!, isFlash(index / framerate) ? WHITE : DARK);
      fill(u!, 128);
      fill(v!, 128);
      const stride = frame.linesize[0]!;
      if (rotation) for (let row = 0; row < height >> 2; row++) y!.fill(BLACK, row * stride, row * stride + (width >> 2));
      frame.pts = BigInt(index);
      const step = variable && index % 4 === 1 ? 3 : 1;
      frame.duration = BigInt(step);
      index += step;
      lane.time = (index * den) / num;
    },
  });
}

/** As ISO/IEC 14496-12 (6.2.2) writes it down. */
function displayMatrix(rotation: 90 | 180 | 270): Buffer {
  const one = 0x10000;
  const [a, b] = ({ 90: [0, one], 180: [-one, 0], 270: [0, -one] } as const)[rotation];
  return Buffer.from(Int32Array.of(a, b, 0, -b, a, 0, 0, 0, 0x40000000).buffer);
}

async function audioLane(
  av: typeof Av,
  file: Av.FormatContext,
  name: 'aac' | 'libopus' | 'flac',
  // Another rate than the engine's own where the codec allows, so that resampling is part of what is tested.
  { sampleRate = name === 'libopus' ? 48_000 : 44_100, channels = 2, soundStart: start = 0 }: TestFileOptions,
): Promise<Lane> {
  const constants = await import('node-av/constants');
  const { AV_SAMPLE_FMT_FLT, AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_S16 } = constants;
  const planar = name === 'aac';
  const whole = name === 'flac';
  const layout = {
    1: constants.AV_CHANNEL_LAYOUT_MONO,
    2: constants.AV_CHANNEL_LAYOUT_STEREO,
    6: constants.AV_CHANNEL_LAYOUT_5POINT1,
  }[channels];
  const lane = await openLane(av, file, name, (context) => {
    context.sampleRate = sampleRate;
    context.sampleFormat = planar ? AV_SAMPLE_FMT_FLTP : whole ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLT;
    context.channelLayout = layout;
    context.timeBase = new av.Rational(1, sampleRate);
    context.bitRate = 128_000n;
  });
  const { frame, context } = lane;
  const { frameSize } = context;
  frame.format = context.sampleFormat;
  frame.sampleRate = sampleRate;
  frame.channelLayout = layout;
  frame.nbSamples = frameSize;
  check(av, frame.getBuffer(0));
  let position = 0;
  return Object.assign(lane, {
    draw(): void {
      check(av, frame.makeWritable());
      const planes = (frame.extendedData ?? frame.data!).map((b) =>
        whole
          ? new Int16Array(b.buffer, b.byteOffset, b.byteLength >>> 1)
          : new Float32Array(b.buffer, b.byteOffset, b.byteLength >>> 2),
      );
      for (let i = 0; i < frameSize; i++) {
        const time = start + (position + i) / sampleRate;
        const value = isFlash(time) ? 0.5 * Math.sin(2 * Math.PI * BEEP_FREQUENCY * time) * (whole ? 32767 : 1) : 0;
        for (let channel = 0; channel < channels; channel++) {
          if (planar) planes[channel]![i] = value;
          else planes[0]![channels * i + channel] = value;
        }
      }
      frame.pts = BigInt(Math.round(start * sampleRate) + position);
      position += frameSize;
      lane.time = start + position / sampleRate;
    },
  });
}

async function openLane(
  av: typeof Av,
  file: Av.FormatContext,
  name: 'libx264' | 'libvpx' | 'aac' | 'libopus' | 'flac',
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
