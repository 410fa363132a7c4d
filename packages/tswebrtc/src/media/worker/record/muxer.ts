/** Writes frames into a container, as they are where it takes their codec, re-encoded where not. */
import {
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_OPUS,
  AV_CODEC_ID_PCM_ALAW,
  AV_CODEC_ID_PCM_MULAW,
  AV_CODEC_ID_PCM_S16BE,
  AV_CODEC_ID_PCM_S24BE,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_PIX_FMT_YUV420P,
  type AVCodecID,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import { Dictionary, FFmpegError, FormatContext, IOContext, Packet, Rational, type Stream } from 'node-av/lib';
import { TsWebRTCError } from '../../../common/errors.ts';
import { opusHead, surroundMapping } from '../../../rtp/opus-mapping.ts';
import { AUDIO_CODECS } from '../../audio-codecs.ts';
import { CONTAINERS, type Container, type RecordedCodec } from '../../containers.ts';
import type { RecordedFrame, RecordedTrack } from '../../output-types.ts';
import { layoutOf } from '../channel-layouts.ts';
import type { WorkerRecordingOptions } from '../messages.ts';
import { SoundTranscoder } from './sound-transcoder.ts';
import { Transcoder } from './transcoder.ts';

type VideoTrack = Extract<RecordedTrack, { kind: 'video' }>;
type AudioTrack = Extract<RecordedTrack, { kind: 'audio' }>;

const CODEC_IDS: Readonly<Record<RecordedCodec, AVCodecID>> = {
  AV1: AV_CODEC_ID_AV1,
  H264: AV_CODEC_ID_H264,
  H265: AV_CODEC_ID_HEVC,
  L16: AV_CODEC_ID_PCM_S16BE,
  L24: AV_CODEC_ID_PCM_S24BE,
  MULTIOPUS: AV_CODEC_ID_OPUS,
  OPUS: AV_CODEC_ID_OPUS,
  PCMA: AV_CODEC_ID_PCM_ALAW,
  PCMU: AV_CODEC_ID_PCM_MULAW,
  VP8: AV_CODEC_ID_VP8,
  VP9: AV_CODEC_ID_VP9,
};
/** Bytes that a stream's reader gets at once at most. */
const STREAM_BUFFER = 32_768;

interface Lane {
  readonly stream: Stream;
  readonly transcoder: Transcoder | SoundTranscoder | undefined;
  /** The last packet, as long as it is not known how long it lasts; undefined before the first. */
  held: HeldPacket | undefined;
  /** Of the last packet, and how long the one before it lasted, in the stream's time base. */
  last: bigint;
  duration: bigint;
}

interface HeldPacket {
  readonly data: Uint8Array;
  /** In the stream's time base. */
  readonly pts: bigint;
  readonly keyframe: boolean;
}

export class Muxer {
  readonly #file: FormatContext;
  readonly #io: IOContext | undefined;
  readonly #lanes: readonly Lane[];
  readonly #packet = new Packet();
  /** Packets wait for the next one, so that their duration is right; a reader behind a pipe would wait for them. */
  readonly #holds: boolean;

  private constructor(file: FormatContext, io: IOContext | undefined, lanes: readonly Lane[]) {
    this.#file = file;
    this.#holds = io === undefined;
    this.#io = io;
    this.#lanes = lanes;
    this.#packet.alloc();
  }

  /** Creates the file and writes its header. `onData` gets the bytes where there is no path. */
  static async open({ container, path, tracks }: WorkerRecordingOptions, onData: (data: Buffer) => void): Promise<Muxer> {
    const { muxer, options } = CONTAINERS[container];
    const file = new FormatContext();
    const lanes: Lane[] = [];
    let io: IOContext | undefined;
    try {
      FFmpegError.throwIfError(file.allocOutputContext2(null, muxer, path ?? null), 'make a container');
      for (const track of tracks) lanes.push(await openLane(file, track, CONTAINERS[container]));
      if (path === undefined) {
        io = new IOContext();
        io.allocContextWithCallbacks(STREAM_BUFFER, 1, null, (data) => onData(data));
        file.pb = io;
      } else if (container !== 'hls') FFmpegError.throwIfError(await file.openOutput(), 'create the file');
      const settings = Dictionary.fromObject({ ...options(path), flush_packets: '1' });
      try {
        FFmpegError.throwIfError(await file.writeHeader(settings), 'write the header');
      } finally {
        settings.free();
      }
      return new Muxer(file, io, lanes);
    } catch (error) {
      for (const { transcoder } of lanes) transcoder?.close();
      await free(file, io);
      const where = path === undefined ? 'The stream' : `The recording "${path}"`;
      throw new TsWebRTCError('RECORDING_FAILED', `${where} cannot be begun: ${reasonOf(error)}.`, { cause: error });
    }
  }

  /** Writes a frame. Rejects when the file cannot be written to. */
  async write({ track, data, timestamp, keyframe }: RecordedFrame): Promise<void> {
    const lane = this.#lanes[track];
    if (!lane) return;
    if (!lane.transcoder) return this.#add(lane, data, timestamp, keyframe);
    for (const made of lane.transcoder.transcode(data, timestamp)) {
      await this.#add(lane, made.data, made.timestamp, made.keyframe);
    }
  }

  /** Completes the file and frees everything. */
  async close(): Promise<void> {
    try {
      for (const lane of this.#lanes) {
        for (const made of lane.transcoder?.drain() ?? []) await this.#add(lane, made.data, made.timestamp, made.keyframe);
        if (lane.held) await this.#writePacket(lane, lane.held, lane.duration);
      }
      FFmpegError.throwIfError(await this.#file.writeTrailer(), 'complete the file');
    } finally {
      this.#packet.free();
      for (const { transcoder } of this.#lanes) transcoder?.close();
      await free(this.#file, this.#io);
    }
  }

  /** The next packet of a stream. `timestamp` in µs. */
  async #add(lane: Lane, data: Uint8Array, timestamp: number, keyframe: boolean): Promise<void> {
    const { num, den } = lane.stream.timeBase;
    // No two packets of a stream at one time: a coarse clock, or a sender's that went back, would make them so.
    let pts = BigInt(Math.round((timestamp * den) / (num * 1e6)));
    if (pts <= lane.last) pts = lane.last + 1n;
    const packet = { data, pts, keyframe };
    if (!this.#holds) await this.#writePacket(lane, packet, 0n);
    else if (lane.held) {
      lane.duration = pts - lane.held.pts;
      await this.#writePacket(lane, lane.held, lane.duration);
    }
    lane.held = this.#holds ? packet : undefined;
    lane.last = pts;
  }

  async #writePacket({ stream }: Lane, { data, pts, keyframe }: HeldPacket, duration: bigint): Promise<void> {
    const packet = this.#packet;
    packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    packet.streamIndex = stream.index;
    packet.pts = packet.dts = pts;
    packet.duration = duration;
    packet.isKeyframe = keyframe;
    try {
      FFmpegError.throwIfError(await this.#file.writeFrame(packet), 'write a frame');
    } finally {
      packet.unref();
    }
  }
}

async function openLane(file: FormatContext, track: RecordedTrack, container: Container): Promise<Lane> {
  const stream = file.newStream();
  const transcoder =
    track.kind === 'audio' ? await openSound(stream, track, container) : await openPictures(stream, track, container);
  return { stream, transcoder, held: undefined, last: -1n, duration: 1n };
}

async function openPictures(stream: Stream, track: VideoTrack, container: Container): Promise<Transcoder | undefined> {
  const parameters = stream.codecpar;
  stream.timeBase = new Rational(1, 90_000);
  if (!container.videoCodecs.includes(track.codec)) {
    const transcoder = await Transcoder.open(track, container.transcodesTo);
    transcoder.describe(parameters);
    return transcoder;
  }
  parameters.codecType = AVMEDIA_TYPE_VIDEO;
  parameters.codecId = CODEC_IDS[track.codec];
  parameters.width = track.width;
  parameters.height = track.height;
  parameters.format = AV_PIX_FMT_YUV420P;
  if (track.configuration.length > 0) parameters.extradata = Buffer.from(track.configuration);
  return undefined;
}

async function openSound(stream: Stream, track: AudioTrack, container: Container): Promise<SoundTranscoder | undefined> {
  const transcoder = container.audioCodecs.includes(track.codec) ? undefined : await SoundTranscoder.open(track);
  const { codec, sent } = transcoder?.made ?? track;
  const parameters = stream.codecpar;
  parameters.codecType = AVMEDIA_TYPE_AUDIO;
  parameters.codecId = CODEC_IDS[codec];
  parameters.sampleRate = sent.sampleRate;
  parameters.channelLayout = layoutOf(sent.channels);
  const { bitsPerSample } = AUDIO_CODECS[codec];
  if (bitsPerSample) parameters.bitsPerCodedSample = bitsPerSample;
  else parameters.extradata = Buffer.from(opusHead(sent.mapping ?? surroundMapping(sent.channels)));
  stream.timeBase = new Rational(1, sent.sampleRate);
  return transcoder;
}

async function free(file: FormatContext, io: IOContext | undefined): Promise<void> {
  if (io) {
    // The container must not free what is not its own.
    file.pb = null;
    io.freeContext();
  } else await file.closeOutput();
  file.freeContext();
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\.$/, '');
}
