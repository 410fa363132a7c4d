/**
 * AV1 into RTP (the Alliance for Open Media's "RTP Payload Format for AV1"): the OBUs of a temporal unit, without their sizes and
 * without what RTP says itself (temporal delimiters) or should not carry (tile lists, padding), several in a packet, large ones in
 * several. The sequence header goes before every keyframe.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { TemplateWriter } from '../template.ts';
import { toRtpTimestamp } from '../timestamp.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const TILE_LIST = 8;
const PADDING = 15;
const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;

/** Aggregation header: Z, Y and N, and where W lies. */
const CONTINUES = 0x80;
const CONTINUED = 0x40;
const STARTS_SEQUENCE = 0x08;
const COUNT_SHIFT = 4;
/** W counts up to so many elements, the last of which then needs no length. */
const MAX_COUNTED = 3;
/** A length in front of an element takes two bytes at most. */
const LENGTH_SIZE = 2;

/** A piece of an element in the packet in hand. */
interface Piece {
  readonly data: Uint8Array;
  readonly begins: boolean;
  readonly ends: boolean;
}

export class Av1Packetiser implements Packetiser {
  readonly clockRate = 90_000;
  readonly #writer: TemplateWriter;

  constructor(writer = new TemplateWriter()) {
    this.#writer = writer;
  }
  /** As an element: without size. */
  #sequenceHeader: Uint8Array | undefined;

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const { keyframe } = frame;
    const elements = this.#collect(frame.data, keyframe);
    const size = elements.reduce((sum, element) => sum + LENGTH_SIZE + element.length, 0);
    if (size === 0 || !this.#writer.begin(arena, size)) return undefined;
    const count = Math.ceil(size / (this.#writer.maxPayload - 1));
    this.#write(arena.bytes, elements, 1 + Math.ceil(size / count), keyframe);
    return this.#writer.end({
      timestamp: toRtpTimestamp(frame.timestamp, this.clockRate),
      captureTime: frame.captureTime,
      keyframe,
      marker: true,
      temporalLayer: frame.temporalLayer,
    });
  }

  /** The OBUs to send, each without its size. */
  #collect(data: Uint8Array, keyframe: boolean): Uint8Array[] {
    const elements: Uint8Array[] = [];
    let hasHeader = false;
    for (const { type, element } of obus(data)) {
      if (type === SEQUENCE_HEADER) {
        this.#sequenceHeader = element;
        hasHeader = true;
      }
      elements.push(element);
    }
    if (keyframe && !hasHeader && this.#sequenceHeader && elements.length > 0) elements.unshift(this.#sequenceHeader);
    return elements;
  }

  /** Packets of about `target` bytes of payload. */
  #write(bytes: Uint8Array, elements: readonly Uint8Array[], target: number, keyframe: boolean): void {
    const limit = Math.min(target, this.#writer.maxPayload);
    let pieces: Piece[] = [];
    let room = limit - 1;
    let first = true;
    const flush = (): void => {
      if (pieces.length === 0) return;
      this.#writePacket(bytes, pieces, first && keyframe);
      first = false;
      pieces = [];
      room = limit - 1;
    };
    for (const element of elements) {
      for (let from = 0; from < element.length; ) {
        // A piece of less than a length's own size is not worth it.
        if (room <= 2 * LENGTH_SIZE) flush();
        const to = Math.min(element.length, from + room - LENGTH_SIZE);
        pieces.push({ data: element.subarray(from, to), begins: from === 0, ends: to === element.length });
        room -= LENGTH_SIZE + to - from;
        from = to;
      }
    }
    flush();
  }

  #writePacket(bytes: Uint8Array, pieces: readonly Piece[], startsSequence: boolean): void {
    const counted = pieces.length <= MAX_COUNTED;
    const hasLength = (index: number): boolean => !counted || index < pieces.length - 1;
    const size = pieces.reduce((sum, { data }, i) => sum + data.length + (hasLength(i) ? leb128Size(data.length) : 0), 1);
    let at = this.#writer.addPacket(size);
    bytes[at++] =
      (pieces[0]!.begins ? 0 : CONTINUES) |
      (pieces.at(-1)!.ends ? 0 : CONTINUED) |
      (counted ? pieces.length << COUNT_SHIFT : 0) |
      (startsSequence ? STARTS_SEQUENCE : 0);
    for (const [index, { data }] of pieces.entries()) {
      if (hasLength(index)) at = writeLeb128(bytes, at, data.length);
      bytes.set(data, at);
      at += data.length;
    }
  }
}

/** The OBUs of a temporal unit in the low-overhead format (AV1 specification §5.2), as elements; what is cut off is left out. */
function* obus(data: Uint8Array): Generator<{ readonly type: number; readonly element: Uint8Array }> {
  for (let at = 0; at < data.length; ) {
    const header = data[at]!;
    const type = (header >> 3) & 0x0f;
    const headerLength = header & HAS_EXTENSION ? 2 : 1;
    let start = at + headerLength;
    let size = data.length - start;
    if (header & HAS_SIZE) {
      size = 0;
      let more = true;
      for (let shift = 0; more; shift += 7) {
        const byte = data[start++];
        if (byte === undefined || shift > 28) return;
        size += (byte & 0x7f) * 2 ** shift;
        more = byte >= 0x80;
      }
    }
    const end = start + size;
    if (size < 0 || end > data.length) return;
    if (type !== TEMPORAL_DELIMITER && type !== TILE_LIST && type !== PADDING) {
      const element = new Uint8Array(headerLength + size);
      element.set(data.subarray(at, at + headerLength));
      element[0] = header & ~HAS_SIZE;
      element.set(data.subarray(start, end), headerLength);
      yield { type, element };
    }
    at = end;
  }
}

function leb128Size(value: number): number {
  return value < 0x80 ? 1 : LENGTH_SIZE;
}

function writeLeb128(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  bytes[at] = (value & 0x7f) | 0x80;
  bytes[at + 1] = value >> 7;
  return at + LENGTH_SIZE;
}
