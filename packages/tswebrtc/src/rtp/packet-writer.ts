/**
 * The packets of one outgoing stream as ops of a batch: each gets its numbers and is remembered, leaves a first time, and again where it is
 * asked for: as it was, or in RTX format (RFC 4588 §4). Sans-IO: `now` is ms on the clock of the stream.
 */
import { HeaderElements } from './header-elements.ts';
import type { OutboundStreamOptions } from './outbound-options.ts';
import type { PacketArena } from './packet-arena.ts';
import { PacketHistory, PacketKind } from './packet-history.ts';
import { PRIMARY_HEADER_LENGTH } from './red.ts';
import { patchRedHeaders } from './red-templates.ts';
import type { SendOps } from './send-ops.ts';
import { hasCaptureTime, headerLengthOf, RTX_HEADER_LENGTH } from './template.ts';
import { TransportNumbers } from './transport-numbers.ts';

const DEFAULT_HISTORY_DURATION = 1000;
const DEFAULT_HISTORY_SIZE = 1024;
const DEFAULT_HISTORY_BYTES = 2 << 20;
const LARGEST_HISTORY = 32_768;

export class PacketWriter {
  readonly ssrc: number;
  readonly payloadType: number;
  /** SSRC of the retransmission stream; undefined where RTX was not negotiated. */
  readonly rtxSsrc: number | undefined;
  readonly rtxPayloadType: number | undefined;
  readonly redPayloadType: number | undefined;
  readonly elements: HeaderElements;
  /** What was sent. Whoever has a packet recorded completes its slot: timestamp, marker and picture id. */
  readonly history: PacketHistory;
  /** Of `history`, packets. */
  readonly historySize: number;
  readonly #redRtxPayloadType: number | undefined;
  /** Where the peer reports by RTP sequence numbers: of the stream, and of its retransmissions. */
  readonly #numbers: TransportNumbers | undefined;
  readonly #rtxNumbers: TransportNumbers | undefined;
  /** Next packet index (RFC 3711 §3.3.1): roll-over counter and sequence number in one number that does not wrap. */
  #nextIndex: number;
  #nextRtxIndex: number;

  /** Throws a `RangeError` for a history size that is no power of two. */
  constructor(options: OutboundStreamOptions) {
    const size = options.historySize ?? DEFAULT_HISTORY_SIZE;
    if (!(size >= 1 && size <= LARGEST_HISTORY && (size & (size - 1)) === 0)) {
      throw new RangeError(`historySize must be a power of two up to ${LARGEST_HISTORY}, not ${size}`);
    }
    this.ssrc = options.ssrc >>> 0;
    this.payloadType = options.payloadType;
    const rtx = options.rtxSsrc !== undefined && options.rtxPayloadType !== undefined;
    this.rtxSsrc = rtx ? options.rtxSsrc! >>> 0 : undefined;
    this.rtxPayloadType = rtx ? options.rtxPayloadType : undefined;
    this.redPayloadType = options.redPayloadType;
    this.#redRtxPayloadType = rtx ? options.redRtxPayloadType : undefined;
    this.elements = new HeaderElements(options);
    this.historySize = size;
    this.history = new PacketHistory(
      size,
      options.historyDuration ?? DEFAULT_HISTORY_DURATION,
      options.historyBytes ?? DEFAULT_HISTORY_BYTES,
    );
    this.#numbers = options.congestionControlFeedback ? new TransportNumbers(size) : undefined;
    this.#rtxNumbers = options.congestionControlFeedback && rtx ? new TransportNumbers(size) : undefined;
    this.#nextIndex = options.initialSequenceNumber & 0xffff;
    this.#nextRtxIndex = options.initialRtxSequenceNumber & 0xffff;
  }

  /** Whether packets carry transport-wide sequence numbers. */
  get usesTransportCc(): boolean {
    return this.elements.transportCcId !== 0;
  }

  /** Whether a transport-wide number is to be counted for each packet: it is carried, or at least reported on. */
  get countsTransport(): boolean {
    return this.usesTransportCc || this.#numbers !== undefined;
  }

  /** Sequence number of the next packet. */
  get nextSequenceNumber(): number {
    return this.#nextIndex % 0x10000;
  }

  /** Sequence number of the last packet recorded. */
  get lastSequenceNumber(): number {
    return (this.#nextIndex + 0xffff) % 0x10000;
  }

  /** The transport-wide number of a packet of the stream, or of its RTX stream where `ssrc` is that one's; undefined where it is not known. */
  transportSequenceNumberOf(sequenceNumber: number, ssrc: number): number | undefined {
    if (ssrc === this.ssrc) return this.#numbers?.get(sequenceNumber);
    return ssrc === this.rtxSsrc ? this.#rtxNumbers?.get(sequenceNumber) : undefined;
  }

  /** Whether RTX can carry a packet of `kind`: without an rtx of RED only what can be taken out of it. */
  goesByRtx(kind: number): boolean {
    if (this.rtxSsrc === undefined) return false;
    return kind === PacketKind.PLAIN || kind === PacketKind.RED || this.#redRtxPayloadType !== undefined;
  }

  /** Bytes before the payload of the packet in `slot`. */
  headerLength(arena: PacketArena, slot: number): number {
    return headerLengthOf(arena.bytes, arena.offset(this.history.positions[slot]!));
  }

  /** Gives a packet the next number and remembers it; returns its slot in the history for the caller to complete. */
  record(position: number, length: number, kind: number, now: number, transportSequenceNumber: number | undefined): number {
    const packetIndex = this.#nextIndex++;
    const sequenceNumber = packetIndex % 0x10000;
    const { history } = this;
    const slot = history.add(sequenceNumber, position, length, now);
    history.kinds[slot] = kind;
    history.rolloverCounters[slot] = (packetIndex - sequenceNumber) / 0x10000;
    history.elements[slot] = this.elements.next(now);
    const hasTransportCc = this.usesTransportCc && transportSequenceNumber !== undefined;
    history.transportSequenceNumbers[slot] = hasTransportCc ? transportSequenceNumber & 0xffff : -1;
    if (transportSequenceNumber !== undefined) this.#numbers?.set(sequenceNumber, transportSequenceNumber);
    return slot;
  }

  /** Appends the packet in `slot`, as it is or was sent the first time; returns its size in bytes. */
  pushOriginal(ops: SendOps, lane: number, arena: PacketArena, slot: number, sequenceNumber: number): number {
    const { history } = this;
    const length = history.lengths[slot]!;
    const kind = history.kinds[slot]!;
    const offset = arena.offset(history.positions[slot]!);
    ops.push(
      lane,
      offset,
      length,
      this.ssrc,
      history.rolloverCounters[slot]!,
      sequenceNumber,
      history.markers[slot] === 1,
      kind === PacketKind.PLAIN ? this.payloadType : this.redPayloadType!,
      history.timestamps[slot]!,
    );
    patchRedHeaders(ops, kind, headerLengthOf(arena.bytes, offset), this.payloadType);
    const captureTime = hasCaptureTime(arena.bytes, offset);
    this.elements.patch(ops, history.transportSequenceNumbers[slot]!, history.elements[slot]!, captureTime);
    const pictureIdOffset = history.pictureIdOffsets[slot]!;
    if (pictureIdOffset !== 0) ops.patch(pictureIdOffset, history.pictureIdLengths[slot]!, history.pictureIds[slot]!);
    return length;
  }

  /**
   * Appends the packet in `slot` in RTX format, its payload behind its sequence number; returns the size in bytes. It is a packet of its
   * own, for which `takeTransportSequenceNumber` is called once.
   */
  pushRtx(
    ops: SendOps,
    lane: number,
    arena: PacketArena,
    slot: number,
    sequenceNumber: number,
    now: number,
    takeTransportSequenceNumber: (() => number | undefined) | undefined,
  ): number {
    const { history } = this;
    const kind = history.kinds[slot]!;
    const inRed = kind !== PacketKind.PLAIN && this.#redRtxPayloadType !== undefined;
    // Without an rtx of RED the payload is sent again as if it had been sent plain.
    const skipped = kind === PacketKind.RED && !inRed ? PRIMARY_HEADER_LENGTH : 0;
    const originalLength = history.lengths[slot]!;
    const length = originalLength - skipped + RTX_HEADER_LENGTH;
    const to = arena.offset(arena.alloc(length));
    const from = arena.offset(history.positions[slot]!);
    const bytes = arena.bytes;
    const headerLength = headerLengthOf(bytes, from);
    bytes.copyWithin(to, from, from + headerLength);
    bytes[to + headerLength] = sequenceNumber >> 8;
    bytes[to + headerLength + 1] = sequenceNumber;
    bytes.copyWithin(to + headerLength + RTX_HEADER_LENGTH, from + headerLength + skipped, from + originalLength);

    const packetIndex = this.#nextRtxIndex++;
    const rtxSequenceNumber = packetIndex % 0x10000;
    ops.push(
      lane,
      to,
      length,
      this.rtxSsrc!,
      (packetIndex - rtxSequenceNumber) / 0x10000,
      rtxSequenceNumber,
      history.markers[slot] === 1,
      inRed ? this.#redRtxPayloadType! : this.rtxPayloadType!,
      history.timestamps[slot]!,
    );
    if (inRed) patchRedHeaders(ops, kind, headerLength + RTX_HEADER_LENGTH, this.payloadType);
    const transportSequenceNumber = this.countsTransport ? takeTransportSequenceNumber?.() : undefined;
    if (transportSequenceNumber !== undefined) this.#rtxNumbers?.set(rtxSequenceNumber, transportSequenceNumber);
    this.elements.patch(
      ops,
      !this.usesTransportCc || transportSequenceNumber === undefined ? -1 : transportSequenceNumber & 0xffff,
      this.elements.nextRetransmission(now),
      hasCaptureTime(bytes, to),
    );
    const pictureIdOffset = history.pictureIdOffsets[slot]!;
    if (pictureIdOffset !== 0) {
      const at = pictureIdOffset - skipped + RTX_HEADER_LENGTH;
      ops.patch(at, history.pictureIdLengths[slot]!, history.pictureIds[slot]!);
    }
    return length;
  }
}
