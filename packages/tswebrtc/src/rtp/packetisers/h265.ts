/**
 * H.265 into RTP (RFC 7798 §4), without decoding order numbers (sprop-max-don-diff 0, as WebRTC has it): small NAL units of an access
 * unit together in aggregation packets, middling ones alone, large ones in fragmentation units. Parameter sets go before every
 * keyframe.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import type { TemplateWriter } from '../template.ts';
import { toRtpTimestamp } from '../timestamp.ts';
import { NalUnits } from './annex-b.ts';
import { type NalUnitFormat, NalUnitWriter } from './nal-unit-writer.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

/** Random access pictures: BLA, IDR and CRA (ITU-T H.265 table 7-1). */
const FIRST_RANDOM_ACCESS = 16;
const LAST_RANDOM_ACCESS = 23;
const VPS = 32;
const SPS = 33;
const PPS = 34;
const ACCESS_UNIT_DELIMITER = 35;
const FILLER = 38;
const AGGREGATE = 48;
const FRAGMENT = 49;
const FRAGMENT_START = 0x80;
const FRAGMENT_END = 0x40;

const FORMAT: NalUnitFormat = {
  headerLength: 2,
  fragmentHeaderLength: 3,
  singleUnits: false,
  /** F of any of the units, LayerId and TID the lowest among them (§4.4.2). */
  writeAggregateHeader(bytes, at, units) {
    let forbidden = 0;
    let layer = 0x3f;
    let temporal = 7;
    for (const unit of units) {
      const [first, second] = [unit[0]!, unit[1]!];
      forbidden |= first & 0x80;
      layer = Math.min(layer, ((first & 1) << 5) | (second >> 3));
      temporal = Math.min(temporal, second & 7);
    }
    bytes[at] = forbidden | (AGGREGATE << 1) | (layer >> 5);
    bytes[at + 1] = ((layer & 0x1f) << 3) | temporal;
  },
  /** §4.4.3: the unit's header with another type, which moves into the FU header. */
  writeFragmentHeader(bytes, at, unit, first, last) {
    bytes[at] = (unit[0]! & 0x81) | (FRAGMENT << 1);
    bytes[at + 1] = unit[1]!;
    bytes[at + 2] = (first ? FRAGMENT_START : 0) | (last ? FRAGMENT_END : 0) | typeOf(unit[0]!);
  },
};

export class H265Packetiser implements Packetiser {
  readonly clockRate = 90_000;
  readonly #writer: NalUnitWriter;
  readonly #found = new NalUnits();
  /** The last keyframe's VPS, SPS and PPS, for keyframes that come without. */
  #parameterSets: readonly Uint8Array[] = [];

  constructor(writer?: TemplateWriter) {
    this.#writer = new NalUnitWriter(FORMAT, writer);
  }

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const { units, keyframe } = this.#collect(frame);
    return this.#writer.write(units, arena, {
      timestamp: toRtpTimestamp(frame.timestamp, this.clockRate),
      captureTime: frame.captureTime,
      keyframe,
      marker: true,
      temporalLayer: frame.temporalLayer,
    });
  }

  #collect(frame: EncodedFrameInput): { units: readonly Uint8Array[]; keyframe: boolean } {
    const { data } = frame;
    this.#found.find(data);
    const { offsets, count } = this.#found;
    const sets: Uint8Array[] = [];
    const units: Uint8Array[] = [];
    let { keyframe } = frame;
    for (let i = 0; i < count; i++) {
      const unit = data.subarray(offsets[2 * i], offsets[2 * i + 1]);
      if (unit.length < FORMAT.headerLength) continue;
      const type = typeOf(unit[0]!);
      if (type >= FIRST_RANDOM_ACCESS && type <= LAST_RANDOM_ACCESS) keyframe = true;
      if (type === VPS || type === SPS || type === PPS) sets.push(unit);
      else if (type !== ACCESS_UNIT_DELIMITER && type !== FILLER) units.push(unit);
    }
    if (sets.some((unit) => typeOf(unit[0]!) === SPS)) this.#parameterSets = sets.map((unit) => unit.slice());
    return { units: [...(keyframe ? this.#parameterSets : sets), ...units], keyframe };
  }
}

function typeOf(header: number): number {
  return (header >> 1) & 0x3f;
}
