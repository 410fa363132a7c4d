/** AV1 out of RTP (RTP Payload Format For AV1 v1.0.0, §4): OBUs, whole or in pieces, that come without their sizes. */
import { concatenate, type Depacketiser, type PayloadInfo } from './types.ts';

const [SEQUENCE_HEADER, TEMPORAL_DELIMITER, TILE_LIST, PADDING] = [1, 2, 8, 15];

interface Aggregate {
  /** The first element goes on with the last OBU of the packet before. */
  readonly continues: boolean;
  /** The last element goes on in the next packet. */
  readonly continued: boolean;
  /** The first packet of a coded video sequence. */
  readonly startsSequence: boolean;
  readonly elements: readonly Uint8Array[];
}

export class Av1Depacketiser implements Depacketiser {
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const aggregate = parseAggregate(payload);
    if (!aggregate) return undefined;
    const [first] = aggregate.elements;
    const temporalLayer = aggregate.continues || !first ? 0 : temporalLayerOf(first);
    return {
      begins: aggregate.startsSequence || undefined,
      keyframe: aggregate.startsSequence,
      temporalLayer,
      tl0PictureIndex: undefined,
    };
  }

  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined {
    const units: Uint8Array[][] = [];
    let open = false;
    for (const payload of payloads) {
      const aggregate = parseAggregate(payload);
      if (!aggregate || aggregate.continues !== open) return undefined;
      for (const [index, element] of aggregate.elements.entries()) {
        if (index === 0 && open) units.at(-1)!.push(element);
        else units.push([element]);
      }
      open = aggregate.continued;
    }
    if (open) return undefined;
    const parts: Uint8Array[] = [];
    for (const unit of units) {
      const sized = withSize(concatenate(unit));
      if (!sized) return undefined;
      parts.push(...sized);
    }
    return parts.length > 0 ? concatenate(parts) : undefined;
  }
}

function parseAggregate(payload: Uint8Array): Aggregate | undefined {
  const header = payload[0];
  if (header === undefined) return undefined;
  const [continues, continued] = [(header & 0x80) !== 0, (header & 0x40) !== 0];
  const count = (header >> 4) & 3;
  const startsSequence = (header & 0x08) !== 0;
  // A sequence cannot begin in the middle of an OBU.
  if (continues && startsSequence) return undefined;
  const elements: Uint8Array[] = [];
  for (let at = 1; at < payload.length; ) {
    // Where the number of elements is known the last one has no length.
    if (count > 0 && elements.length === count - 1) {
      elements.push(payload.subarray(at));
      break;
    }
    const length = readLeb128(payload, at);
    if (!length || length.end + length.value > payload.length) return undefined;
    elements.push(payload.subarray(length.end, length.end + length.value));
    at = length.end + length.value;
  }
  if (elements.length === 0 || (count > 0 && elements.length !== count)) return undefined;
  return { continues, continued, startsSequence, elements };
}

/** An OBU with its size in it, as files and decoders want it; nothing for those that RTP should not carry. */
function withSize(unit: Uint8Array): Uint8Array[] | undefined {
  const header = unit[0];
  if (header === undefined || header & 0x80) return undefined;
  const type = (header >> 3) & 15;
  if (type === TEMPORAL_DELIMITER || type === TILE_LIST || type === PADDING) return [];
  if (header & 0x02) return [unit];
  const headerLength = header & 0x04 ? 2 : 1;
  if (unit.length < headerLength) return undefined;
  const sized = unit.slice(0, headerLength);
  sized[0] = header | 0x02;
  return [sized, leb128(unit.length - headerLength), unit.subarray(headerLength)];
}

function temporalLayerOf(unit: Uint8Array): number {
  const header = unit[0] ?? 0;
  // A sequence header carries no layer of its own.
  return header & 0x04 && ((header >> 3) & 15) !== SEQUENCE_HEADER ? (unit[1] ?? 0) >> 5 : 0;
}

function readLeb128(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  // Lengths in a packet need two bytes; three are read, so that padded forms pass.
  for (let i = 0; i < 3; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) {
      bytes.push(rest);
      return Uint8Array.from(bytes);
    }
    bytes.push((rest & 0x7f) | 0x80);
  }
}
