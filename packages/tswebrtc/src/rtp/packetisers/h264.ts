/**
 * H.264 into RTP, packetization-mode 1 (RFC 6184 §5): small NAL units of an access unit together in STAP-A packets, middling
 * ones alone, large ones in FU-A fragments of equal size. Parameter sets go before every keyframe.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { MAX_PAYLOAD_LENGTH, TemplateWriter } from '../template.ts';
import { toRtpTimestamp } from '../timestamp.ts';
import { NalUnits } from './annex-b.ts';
import { H264ParameterSets } from './h264-parameter-sets.ts';
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

export class H264Packetiser implements Packetiser {
  readonly clockRate = 90_000;
  readonly #writer = new TemplateWriter();
  readonly #found = new NalUnits();
  readonly #parameterSets = new H264ParameterSets();
  /** NAL units of the access unit in hand, in the order of sending. */
  readonly #units: Uint8Array[] = [];

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const keyframe = this.#collect(frame.data, frame.keyframe);
    const units = this.#units;
    let size = 0;
    for (const unit of units) size += unit.length + 3;
    let packetised: PacketisedFrame | undefined;
    if (size > 0 && this.#writer.begin(arena, size)) {
      this.#write(arena.bytes);
      packetised = this.#writer.end({
        timestamp: toRtpTimestamp(frame.timestamp, this.clockRate),
        captureTime: frame.captureTime,
        keyframe,
        marker: true,
        temporalLayer: frame.temporalLayer,
      });
    }
    units.length = 0;
    return packetised;
  }

  /** Puts the NAL units to send into `#units`; returns whether this is a keyframe. */
  #collect(data: Uint8Array, flagged: boolean): boolean {
    const { offsets, count } = this.#find(data);
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

  #find(data: Uint8Array): NalUnits {
    this.#found.find(data);
    return this.#found;
  }

  #write(bytes: Uint8Array): void {
    const units = this.#units;
    for (let i = 0; i < units.length; ) {
      // As many units as fit together, each with its 16-bit size, behind the STAP-A's own header byte.
      let last = i;
      let size = 1;
      while (last < units.length && size + 2 + units[last]!.length <= MAX_PAYLOAD_LENGTH) size += 2 + units[last++]!.length;
      if (last - i >= 2) {
        this.#writeAggregate(bytes, i, last, size);
        i = last;
        continue;
      }
      const unit = units[i++]!;
      if (unit.length <= MAX_PAYLOAD_LENGTH) bytes.set(unit, this.#writer.addPacket(unit.length));
      else this.#writeFragments(bytes, unit);
    }
  }

  /** One STAP-A of `#units[from..to)` (RFC 6184 §5.7.1). */
  #writeAggregate(bytes: Uint8Array, from: number, to: number, size: number): void {
    let at = this.#writer.addPacket(size);
    let forbidden = 0;
    let importance = 0;
    const header = at++;
    for (let i = from; i < to; i++) {
      const unit = this.#units[i]!;
      forbidden |= unit[0]! & 0x80;
      importance = Math.max(importance, unit[0]! & 0x60);
      bytes[at] = unit.length >> 8;
      bytes[at + 1] = unit.length;
      bytes.set(unit, at + 2);
      at += 2 + unit.length;
    }
    bytes[header] = forbidden | importance | STAP_A;
  }

  /** `unit` as FU-As (RFC 6184 §5.8): its header byte is spread over indicator and FU header. */
  #writeFragments(bytes: Uint8Array, unit: Uint8Array): void {
    const body = unit.length - 1;
    const count = Math.ceil(body / (MAX_PAYLOAD_LENGTH - 2));
    for (let i = 0, from = 0; i < count; i++) {
      const to = Math.floor((body * (i + 1)) / count);
      const at = this.#writer.addPacket(2 + to - from);
      bytes[at] = (unit[0]! & 0xe0) | FU_A;
      bytes[at + 1] = (i === 0 ? FU_START : 0) | (i === count - 1 ? FU_END : 0) | (unit[0]! & 0x1f);
      bytes.set(unit.subarray(1 + from, 1 + to), at + 2);
      from = to;
    }
  }
}
