/** Reads a media file back with FFmpeg's own demuxer and decoders: what a player would get. */
import type { CodecContext } from 'node-av/lib';
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface ReadStream {
  readonly kind: 'video' | 'audio';
  /** FFmpeg's name. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Of each packet, s. */
  readonly times: number[];
  readonly keyframes: number[];
  /** Of each decoded frame: when it is shown, s; its size; mean luma or, of sound, loudness (RMS, 0..1). */
  readonly decoded: { readonly time: number; readonly width: number; readonly level: number; readonly samples: number }[];
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
    const { width, height } = stream.codecpar;
    const times: number[] = [];
    const keyframes: number[] = [];
    const decoded: ReadStream['decoded'] = [];
    const read: ReadStream = { kind, codec: implementation.name ?? '', width, height, times, keyframes, decoded, errors: 0 };
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
      let level = 0;
      if (read.kind === 'video') {
        const stride = frame.linesize[0]!;
        for (let y = 0; y < frame.height; y += 8) for (let x = 0; x < frame.width; x += 8) level += plane[y * stride + x]!;
        level /= Math.ceil(frame.height / 8) * Math.ceil(frame.width / 8);
      } else level = loudness(plane, frame.nbSamples, frame.format as number);
      read.decoded.push({ time, width: frame.width, level, samples: frame.nbSamples });
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

/** RMS of the first channel. FFmpeg's sample formats: 1 and 6 are 16-bit, 3 and 8 float. */
function loudness(plane: Buffer, samples: number, format: number): number {
  const float = format === 3 || format === 8;
  const values = float
    ? new Float32Array(plane.buffer, plane.byteOffset, samples)
    : new Int16Array(plane.buffer, plane.byteOffset, samples);
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / Math.max(1, samples)) / (float ? 1 : 32_768);
}
