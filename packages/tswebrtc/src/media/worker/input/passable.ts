/**
 * What of a demultiplexed stream can be passed on as it is, and its packets in the form in which the engine's encoders give
 * theirs: H.264 and H.265 as a byte stream with its parameter sets before each keyframe, everything else as containers have it.
 */
import {
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_OPUS,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  type AVCodecID,
} from 'node-av/constants';
import { BitStreamFilter, BitStreamFilterContext, type CodecParameters, FFmpegError, Packet, Rational } from 'node-av/lib';
import { readKeyframe } from '../../../rtp/keyframes/keyframe.ts';
import { h264ProfileLevelId } from '../../h264-profile-level-id.ts';
import type { CodecName, EncodedFormat } from '../../types.ts';
import type { EncodedUnit } from './encoded-unit.ts';
import type { FeedStream } from './feed.ts';

interface PassableCodec {
  readonly name: CodecName;
  /** FFmpeg's bitstream filters that bring a packet into the form wanted, one after the other. */
  readonly filters: readonly string[];
}

const PASSABLE: ReadonlyMap<AVCodecID, PassableCodec> = new Map<AVCodecID, PassableCodec>([
  [AV_CODEC_ID_H264, { name: 'H264', filters: ['h264_mp4toannexb', 'dump_extra'] }],
  [AV_CODEC_ID_HEVC, { name: 'H265', filters: ['hevc_mp4toannexb', 'dump_extra'] }],
  [AV_CODEC_ID_AV1, { name: 'AV1', filters: [] }],
  [AV_CODEC_ID_VP9, { name: 'VP9', filters: [] }],
  [AV_CODEC_ID_VP8, { name: 'VP8', filters: [] }],
  [AV_CODEC_ID_OPUS, { name: 'OPUS', filters: [] }],
]);
/** RFC 7587 knows no more. */
const MOST_OPUS_CHANNELS = 2;

export interface Passable {
  readonly encoded?: EncodedFormat;
  /** Why it cannot be passed on though WebRTC knows the codec. */
  readonly transcoded?: string;
}

/** Whether the packets of a stream can be passed on, as far as it tells by itself. */
export function passableAs(codecpar: CodecParameters): Passable {
  const codec = PASSABLE.get(codecpar.codecId)?.name;
  if (!codec) return {};
  if (codecpar.videoDelay > 0) return { transcoded: bFrames(codec) };
  if (codec === 'OPUS' && codecpar.channels > MOST_OPUS_CHANNELS) {
    return { transcoded: `Its Opus has ${codecpar.channels} channels; it is encoded anew.` };
  }
  const profileLevelId = codec === 'H264' && codecpar.extradata ? h264ProfileLevelId(codecpar.extradata) : undefined;
  return { encoded: { codec, ...(profileLevelId ? { profileLevelId } : {}) } };
}

/** Why packets that are not in the order of presentation are not passed on. */
export function bFrames(codec: CodecName): string {
  return `Its ${codec} has B-frames, which WebRTC receivers cannot put in order; it is encoded anew.`;
}

/** Brings packets into the form wanted. */
export class PacketShaper {
  readonly #filters: BitStreamFilterContext[] = [];
  readonly #shaped = new Packet();
  readonly #codec: string;
  /** Byte stream; of H.264 and H.265 whose description has them. */
  readonly #parameterSets: Uint8Array;

  constructor({ parameters: codecpar, timeBase }: FeedStream) {
    this.#shaped.alloc();
    const codec = PASSABLE.get(codecpar.codecId);
    this.#codec = codec?.name ?? '';
    const hasSets = codec !== undefined && codec.filters.length > 0;
    this.#parameterSets = hasSets ? Uint8Array.from(codecpar.extradata ?? []) : new Uint8Array();
    let parameters = codecpar;
    for (const name of codec?.filters ?? []) {
      const filter = BitStreamFilter.getByName(name);
      if (!filter) throw new Error(`the media library has no filter "${name}"`);
      const context = new BitStreamFilterContext();
      this.#filters.push(context);
      FFmpegError.throwIfError(context.alloc(filter), 'set up a bitstream filter');
      parameters.copy(context.inputCodecParameters!);
      context.inputTimeBase = new Rational(timeBase.num, timeBase.den);
      FFmpegError.throwIfError(context.init(), 'open a bitstream filter');
      parameters = context.outputCodecParameters!;
    }
  }

  /** The bytes to send of a unit, good until the next one; undefined where it makes no sense. Leaves the unit as it is. */
  shape(unit: EncodedUnit): Uint8Array | undefined {
    if (unit.bytes) return unit.keyframe ? this.#withParameterSets(unit.bytes) : unit.bytes;
    const packet = unit.packet();
    let from = packet;
    for (const filter of this.#filters) {
      if (from === packet) {
        this.#shaped.unref();
        if (this.#shaped.ref(packet) < 0) return undefined;
        from = this.#shaped;
      }
      // One in, one out: these filters hold nothing back.
      if (filter.sendPacketSync(from) < 0 || filter.receivePacketSync(from) < 0) return undefined;
    }
    return from.data ?? undefined;
  }

  /** A keyframe of H.264 or H.265, with the parameter sets of its stream's description where it has none of its own. */
  #withParameterSets(keyframe: Uint8Array): Uint8Array {
    if (this.#parameterSets.length === 0 || readKeyframe(this.#codec, keyframe)?.configuration.length) return keyframe;
    return Buffer.concat([this.#parameterSets, keyframe]);
  }

  close(): void {
    for (const filter of this.#filters.splice(0)) filter.free();
    this.#shaped.free();
  }
}
