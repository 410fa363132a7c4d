/** JPEG out of RTP (RFC 2435): the scan comes in packets, and what stands before it in a file is made from their headers. */
import { CHROMINANCE_AC, CHROMINANCE_DC, type HuffmanTable, LUMINANCE_AC, LUMINANCE_DC, quantisers } from './jpeg-tables.ts';
import { concatenate, type Depacketiser, type PayloadInfo, type PictureSize } from './types.ts';

/** §3.1 */
const MAIN_HEADER = 8;
/** §3.1.7 */
const RESTART_HEADER = 4;
/** §3.1.8, before the tables. */
const TABLE_HEADER = 4;
/** From here on a packet says its tables, §3.1.4. */
const EXPLICIT_Q = 128;
/** Tables that no other frame may rely on, §3.1.8. */
const DYNAMIC_Q = 255;
/** Horizontal and vertical samples of luminance to one of chrominance, by the type without its restart bit, §4.1. */
const SAMPLING = [0x21, 0x22];
const TABLE_VALUES = 64;
const EOI = [0xff, 0xd9];

interface Piece extends PictureSize {
  /** Of its data in the scan. */
  readonly fragmentOffset: number;
  readonly type: number;
  readonly q: number;
  /** MCUs between two restart markers, 0 without. */
  readonly restartInterval: number;
  /** The tables as they are sent: 8 bits a value, or 16 for those whose bit of `precision` is 1. Empty where they are not. */
  readonly tables: Uint8Array;
  readonly precision: number;
  readonly data: Uint8Array;
}

/** Frames come out as JPEG files. */
export class JpegDepacketiser implements Depacketiser {
  /** Tables that were sent once for all, by their Q. */
  readonly #known = new Map<number, Pick<Piece, 'tables' | 'precision'>>();
  readonly #size: PictureSize | undefined;

  /** `size`: of the pictures, where the session description tells; packets cannot tell more than 2040 pixels. */
  constructor(size?: PictureSize) {
    this.#size = size;
  }

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const piece = parsePiece(payload);
    if (!piece) return undefined;
    return { begins: piece.fragmentOffset === 0, keyframe: true, temporalLayer: 0, tl0PictureIndex: undefined };
  }

  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    let first: Piece | undefined;
    let length = 0;
    for (const payload of payloads) {
      const piece = parsePiece(payload);
      if (piece?.fragmentOffset !== length) return undefined;
      first ??= piece;
      parts.push(piece.data);
      length += piece.data.length;
    }
    const header = first && this.#fileHeader(first);
    if (!header) return undefined;
    const last = parts.at(-1)!;
    if (last.at(-2) !== EOI[0] || last.at(-1) !== EOI[1]) parts.push(Uint8Array.from(EOI));
    return concatenate([header, ...parts]);
  }

  /** All before the scan: ITU-T T.81 annex B. */
  #fileHeader(piece: Piece): Uint8Array | undefined {
    const { width, height } = piece.width > 0 && piece.height > 0 ? piece : (this.#size ?? piece);
    const tables = this.#tables(piece);
    if (!tables || width === 0 || height === 0) return undefined;
    const sampling = SAMPLING[piece.type & 0x3f]!;
    const restart = piece.restartInterval > 0 ? segment(0xdd, [...u16(piece.restartInterval)]) : [];
    return Uint8Array.from([
      ...[0xff, 0xd8],
      ...tables.flatMap(({ values, wide }, index) => segment(0xdb, [(wide ? 0x10 : 0) | index, ...values])),
      ...restart,
      // 8 bits a sample; the components with their sampling and quantisation tables.
      ...segment(0xc0, [8, ...u16(height), ...u16(width), 3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1]),
      ...huffmanSegment(0x00, LUMINANCE_DC),
      ...huffmanSegment(0x01, CHROMINANCE_DC),
      ...huffmanSegment(0x10, LUMINANCE_AC),
      ...huffmanSegment(0x11, CHROMINANCE_AC),
      ...segment(0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]),
    ]);
  }

  /** Of luminance and chrominance, in the order of files; undefined where they were not sent, or not whole. */
  #tables(piece: Piece): readonly { values: Iterable<number>; wide: boolean }[] | undefined {
    if (piece.q < EXPLICIT_Q) return quantisers(piece.q).map((values) => ({ values, wide: false }));
    if (piece.tables.length > 0 && piece.q < DYNAMIC_Q) {
      this.#known.set(piece.q, { tables: Uint8Array.from(piece.tables), precision: piece.precision });
    }
    const { tables, precision } = piece.tables.length > 0 ? piece : (this.#known.get(piece.q) ?? piece);
    const read: { values: Uint8Array; wide: boolean }[] = [];
    for (let at = 0; at < tables.length; ) {
      const wide = ((precision >> read.length) & 1) === 1;
      const end = at + TABLE_VALUES * (wide ? 2 : 1);
      if (end > tables.length) return undefined;
      read.push({ values: tables.subarray(at, end), wide });
      at = end;
    }
    const [luminance, chrominance = luminance] = read;
    return luminance && [luminance, chrominance!];
  }
}

/** Undefined for what is none, or of a type that is not defined. */
function parsePiece(payload: Uint8Array): Piece | undefined {
  const { length } = payload;
  if (length < MAIN_HEADER) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, length);
  const fragmentOffset = view.getUint32(0) & 0xff_ffff;
  const [type, q, width, height] = payload.subarray(4, MAIN_HEADER) as unknown as [number, number, number, number];
  if (type >= 128 || SAMPLING[type & 0x3f] === undefined || q === 0) return undefined;
  let at = MAIN_HEADER;
  let restartInterval = 0;
  if (type & 0x40) {
    if (length < at + RESTART_HEADER) return undefined;
    restartInterval = view.getUint16(at);
    at += RESTART_HEADER;
  }
  let tables = payload.subarray(0, 0);
  let precision = 0;
  if (q >= EXPLICIT_Q && fragmentOffset === 0) {
    if (length < at + TABLE_HEADER) return undefined;
    precision = view.getUint8(at + 1);
    const size = view.getUint16(at + 2);
    at += TABLE_HEADER;
    if (length < at + size) return undefined;
    tables = payload.subarray(at, at + size);
    at += size;
  }
  if (at >= length) return undefined;
  const data = payload.subarray(at);
  // Blocks of 8 pixels.
  return { fragmentOffset, type, q, width: 8 * width, height: 8 * height, restartInterval, tables, precision, data };
}

function segment(marker: number, content: readonly number[]): number[] {
  return [0xff, marker, ...u16(content.length + 2), ...content];
}

function huffmanSegment(target: number, { counts, values }: HuffmanTable): number[] {
  return segment(0xc4, [target, ...counts, ...values]);
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
