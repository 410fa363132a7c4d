/**
 * H.264 into RTP (RFC 6184 §5). In packetization-mode 1 small NAL units of an access unit go together in STAP-A packets, middling
 * ones alone, large ones in FU-A fragments of equal size; in mode 0 each goes alone, so that the encoder has to make small ones.
 * Parameter sets go before every keyframe.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import type { TemplateWriter } from '../template.ts';
import { toRtpTimestamp } from '../timestamp.ts';
import { NalUnits } from './annex-b.ts';
import { H264ParameterSets } from './h264-parameter-sets.ts';
import { type NalUnitFormat, NalUnitWriter } from './nal-unit-writer.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

const NAL_IDR = 5;
const NAL_SPS = 7;
const NAL_PPS = 8;
const NAL_AUD = 9;
const NAL_FILLER = 12;
const STAP_A = 24;
const FU_A = 28;
const FU_START = 0x80;
const FU_END = 0x40;

const FORMAT = {
  headerLength: 1,
  fragmentHeaderLength: 2,
  /** STAP-A (§5.7.1): F of any of the units, NRI of the most important. */
  writeAggregateHeader(bytes, at, units) {
    let forbidden = 0;
    let importance = 0;
    for (const unit of units) {
      forbidden |= unit[0]! & 0x80;
      importance = Math.max(importance, unit[0]! & 0x60);
    }
    bytes[at] = forbidden | importance | STAP_A;
  },
  /** FU-A (§5.8): the unit's header is spread over indicator and FU header. */
  writeFragmentHeader(bytes, at, unit, first, last) {
    bytes[at] = (unit[0]! & 0xe0) | FU_A;
    bytes[at + 1] = (first ? FU_START : 0) | (last ? FU_END : 0) | (unit[0]! & 0x1f);
  },
} satisfies Omit<NalUnitFormat, 'singleUnits'>;

export class H264Packetiser implements Packetiser {
  readonly clockRate = 90_000;
  readonly #writer: NalUnitWriter;
  readonly #found = new NalUnits();
  readonly #parameterSets = new H264ParameterSets();
  /** NAL units of the access unit in hand, in the order of sending. */
  readonly #units: Uint8Array[] = [];

  constructor(packetizationMode: 0 | 1 = 1, writer?: TemplateWriter) {
    this.#writer = new NalUnitWriter({ ...FORMAT, singleUnits: packetizationMode === 0 }, writer);
  }

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const keyframe = this.#collect(frame.data, frame.keyframe);
    const packetised = this.#writer.write(this.#units, arena, {
      timestamp: toRtpTimestamp(frame.timestamp, this.clockRate),
      captureTime: frame.captureTime,
      keyframe,
      marker: true,
      temporalLayer: frame.temporalLayer,
    });
    this.#units.length = 0;
    return packetised;
  }

  /** Puts the NAL units to send into `#units`; returns whether this is a keyframe. */
  #collect(data: Uint8Array, flagged: boolean): boolean {
    this.#found.find(data);
    const { offsets, count } = this.#found;
    let keyframe = flagged;
    for (let i = 0; i < count; i++) {
      const start = offsets[2 * i]!;
      const end = offsets[2 * i + 1]!;
      const type = data[start]! & 0x1f;
      if (type === NAL_IDR) keyframe = true;
      else if (type === NAL_SPS) this.#parameterSets.addSequence(data, start, end);
      else if (type === NAL_PPS) this.#parameterSets.addPicture(data, start, end);
    }
    const units = this.#units;
    if (keyframe) {
      for (const set of this.#parameterSets.sequence) if (set) units.push(set);
      for (const set of this.#parameterSets.picture) if (set) units.push(set);
    }
    for (let i = 0; i < count; i++) {
      const start = offsets[2 * i]!;
      const type = data[start]! & 0x1f;
      // RTP marks the access unit's end itself, and filler is for links of constant rate.
      if (type === NAL_AUD || type === NAL_FILLER) continue;
      if (keyframe && (type === NAL_SPS || type === NAL_PPS)) continue;
      units.push(data.subarray(start, offsets[2 * i + 1]!));
    }
    return keyframe;
  }
}
