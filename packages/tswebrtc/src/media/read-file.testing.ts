/** Reads a media file back with FFmpeg's own demuxer and decoders: what a player would get. */
import type { CodecContext } from 'node-av/lib';
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface ReadStream {
  readonly kind: 'video' | 'audio';
  /** FFmpeg's name. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** 0 of video. */
  readonly channels: number;
  /** Of each packet, s. */
  readonly times: number[];
  readonly keyframes: number[];
  /** Of each decoded frame: when it is shown, s; its size; mean luma or, of sound, loudness (RMS, 0..1), and where it gets loud. */
  readonly decoded: {
    readonly time: number;
    readonly width: number;
    readonly level: number;
    readonly samples: number;
    /** Of sound, s: its first sample above a twentieth of full scale. */
    readonly onset?: number;
  }[];
  errors: number;
}

export interface ReadFile {
  readonly format: string;
  /** s, as the container says; 0 when it does not. */
  readonly duration: number;
  readonly streams: readonly ReadStream[];
}

/** Reads all of it. */
export async function readFile(path: string): Promise<ReadFile> {
  addWithResolvers();
  const av = await import('node-av/lib');
  const { AV_LOG_QUIET, AVMEDIA_TYPE_VIDEO } = await import('node-av/constants');
  av.Log.setLevel(AV_LOG_QUIET);
  const check = (result: number, what: string): void => av.FFmpegError.throwIfError(result, `${what} ${path}`);
  const file = new av.FormatContext();
  check(await file.openInput(path), 'open');
  check(await file.findStreamInfo(), 'understand');
  const lanes: { index: number; decoder: CodecContext; tick: number; read: ReadStream }[] = [];
  for (const stream of file.streams) {
    const implementation = av.Codec.findDecoder(stream.codecpar.codecId)!;
    const decoder = new av.CodecContext();
    decoder.allocContext3(implementation);
    check(decoder.parametersToContext(stream.codecpar), 'configure a decoder for');
    decoder.threadCount = 1;
    check(await decoder.open2(implementation, null), 'open a decoder for');
    const { num, den } = stream.timeBase;
    const kind = stream.codecpar.codecType === AVMEDIA_TYPE_VIDEO ? ('video' as const) : ('audio' as const);
    const { width, height, channels } = stream.codecpar;
    const times: number[] = [];
    const keyframes: number[] = [];
    const decoded: ReadStream['decoded'] = [];
    const read: ReadStream = {
      kind,
      codec: implementation.name ?? '',
      width,
      height,
      channels,
      times,
      keyframes,
      decoded,
      errors: 0,
    };
    lanes.push({ index: stream.index, decoder, tick: num / den, read });
  }
  const packet = new av.Packet();
  packet.alloc();
  const frame = new av.Frame();
  frame.alloc();
  const receive = ({ decoder, tick, read }: (typeof lanes)[number]): void => {
    while (decoder.receiveFrameSync(frame) >= 0) {
      const time = Number(frame.bestEffortTimestamp) * tick;
      const plane = frame.data![0]!;
      const common = { time, width: frame.width, samples: frame.nbSamples };
      if (read.kind === 'video') {
        const stride = frame.linesize[0]!;
        let level = 0;
        for (let y = 0; y < frame.height; y += 8) for (let x = 0; x < frame.width; x += 8) level += plane[y * stride + x]!;
        read.decoded.push({ ...common, level: level / (Math.ceil(frame.height / 8) * Math.ceil(frame.width / 8)) });
      } else {
        const values = firstChannel(plane, frame.nbSamples, frame.format as number, frame.channels);
        const loud = values.findIndex((value) => Math.abs(value) > LOUD);
        const level = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
        read.decoded.push({ ...common, level, ...(loud < 0 ? {} : { onset: time + loud / frame.sampleRate }) });
      }
      frame.unref();
    }
  };
  while ((await file.readFrame(packet)) >= 0) {
    const lane = lanes.find(({ index }) => index === packet.streamIndex)!;
    const time = Number(packet.pts) * lane.tick;
    lane.read.times.push(time);
    if (packet.isKeyframe) lane.read.keyframes.push(time);
    if (lane.decoder.sendPacketSync(packet) < 0) lane.read.errors++;
    packet.unref();
    receive(lane);
  }
  for (const lane of lanes) {
    lane.decoder.sendPacketSync(null);
    receive(lane);
    lane.decoder.freeContext();
  }
  const read = {
    format: file.iformat?.name ?? '',
    duration: Math.max(0, Number(file.duration)) / 1e6,
    streams: lanes.map((lane) => lane.read),
  };
  packet.free();
  frame.free();
  await file.closeInput();
  return read;
}

/** Of full scale. FFmpeg's sample formats: 1 and 6 are 16-bit, 2 is 32-bit, 3 and 8 float; from 5 on each channel has its plane. */
function firstChannel(plane: Buffer, samples: number, format: number, channels: number): number[] {
  const float = format === 3 || format === 8;
  const step = format >= 5 ? 1 : channels;
  const Samples = float ? Float32Array : format === 2 ? Int32Array : Int16Array;
  const values = new Samples(plane.buffer as ArrayBuffer, plane.byteOffset, samples * step);
  return Array.from({ length: samples }, (_, i) => values[i * step]! / (float ? 1 : format === 2 ? 2 ** 31 : 32_768));
}

/** Mean luma between the dark and the bright pictures of our flashing sources. */
const BRIGHT = 140;
const LOUD = 0.05;

/** s by which each beep begins after the flash that it belongs to. */
export function offsetsOfBeeps({ streams }: ReadFile): number[] {
  const [video, audio] = streams;
  const flashes = video!.decoded.filter(({ level }, i) => i > 0 && level > BRIGHT && video!.decoded[i - 1]!.level <= BRIGHT);
  const beeps = audio!.decoded.filter(
    ({ onset }, i) => i > 0 && onset !== undefined && audio!.decoded[i - 1]!.onset === undefined,
  );
  return flashes.flatMap(({ time }) => {
    const beep = beeps.find(({ onset }) => Math.abs(onset! - time) < 0.4);
    return beep ? [beep.onset! - time] : [];
  });
}
