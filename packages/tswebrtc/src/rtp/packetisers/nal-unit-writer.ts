/**
 * What H.264 (RFC 6184 §5) and H.265 (RFC 7798 §4) have in common in RTP: small NAL units of an access unit together in one packet,
 * middling ones alone, large ones in fragments of equal size.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { type FrameFields, TemplateWriter } from '../template.ts';

/** How a codec writes its packets of several units, and of parts of one. */
export interface NalUnitFormat {
  /** Bytes of a NAL unit's header, and so of an aggregate's. */
  readonly headerLength: number;
  /** Writes the header of a packet that holds `units`. */
  writeAggregateHeader(bytes: Uint8Array, at: number, units: readonly Uint8Array[]): void;
  /** Bytes in front of each fragment, which stand for the unit's header. */
  readonly fragmentHeaderLength: number;
  writeFragmentHeader(bytes: Uint8Array, at: number, unit: Uint8Array, first: boolean, last: boolean): void;
  /** One unit a packet and nothing else: units that are too large cannot be sent. */
  readonly singleUnits: boolean;
}

/** Size of a unit in an aggregate, bytes. */
const SIZE_LENGTH = 2;

export class NalUnitWriter {
  readonly #format: NalUnitFormat;
  readonly #writer: TemplateWriter;

  constructor(format: NalUnitFormat, writer = new TemplateWriter()) {
    this.#format = format;
    this.#writer = writer;
  }

  /** `units` as packets; undefined where there are none, or they do not fit. */
  write(units: readonly Uint8Array[], arena: PacketArena, fields: FrameFields): PacketisedFrame | undefined {
    let size = 0;
    for (const unit of units) size += unit.length + 3;
    if (size === 0 || !this.#writer.begin(arena, size)) return undefined;
    const { bytes } = arena;
    if (this.#format.singleUnits) {
      if (units.some(({ length }) => length > this.#writer.maxPayload)) return undefined;
      for (const unit of units) bytes.set(unit, this.#writer.addPacket(unit.length));
    } else this.#write(bytes, units);
    return this.#writer.end(fields);
  }

  #write(bytes: Uint8Array, units: readonly Uint8Array[]): void {
    const { headerLength } = this.#format;
    for (let i = 0; i < units.length; ) {
      // As many units as fit together, each with its 16-bit size, behind the aggregate's own header.
      let last = i;
      let size = headerLength;
      while (last < units.length && size + SIZE_LENGTH + units[last]!.length <= this.#writer.maxPayload) {
        size += SIZE_LENGTH + units[last++]!.length;
      }
      if (last - i >= 2) {
        this.#writeAggregate(bytes, units.slice(i, last), size);
        i = last;
        continue;
      }
      const unit = units[i++]!;
      if (unit.length <= this.#writer.maxPayload) bytes.set(unit, this.#writer.addPacket(unit.length));
      else this.#writeFragments(bytes, unit);
    }
  }

  #writeAggregate(bytes: Uint8Array, units: readonly Uint8Array[], size: number): void {
    const { headerLength } = this.#format;
    let at = this.#writer.addPacket(size);
    this.#format.writeAggregateHeader(bytes, at, units);
    at += headerLength;
    for (const unit of units) {
      bytes[at] = unit.length >> 8;
      bytes[at + 1] = unit.length;
      bytes.set(unit, at + SIZE_LENGTH);
      at += SIZE_LENGTH + unit.length;
    }
  }

  /** The unit's own header is not repeated: the fragments' stand for it. */
  #writeFragments(bytes: Uint8Array, unit: Uint8Array): void {
    const { headerLength, fragmentHeaderLength } = this.#format;
    const body = unit.length - headerLength;
    const count = Math.ceil(body / (this.#writer.maxPayload - fragmentHeaderLength));
    for (let i = 0, from = 0; i < count; i++) {
      const to = Math.floor((body * (i + 1)) / count);
      const at = this.#writer.addPacket(fragmentHeaderLength + to - from);
      this.#format.writeFragmentHeader(bytes, at, unit, i === 0, i === count - 1);
      bytes.set(unit.subarray(headerLength + from, headerLength + to), at + fragmentHeaderLength);
      from = to;
    }
  }
}
