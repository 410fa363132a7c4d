/**
 * One outgoing RTP stream of one session: gives the shared packet templates this session's identity (SSRC, payload type, sequence
 * numbers, timestamps, header extensions, VP8 and VP9 picture ids), adds redundancy where it is told to (RED, ULPFEC), sends packets again
 * that the peer asks for (RFC 4585 generic NACK; RFC 4588 retransmission format) and keeps the books for sender reports and statistics
 * (RFC 3550 §6.4).
 *
 * Sans-IO: `now` is ms on any steady clock, always the same one; `wallTime` is ms since the Unix epoch.
 */
import { FecSender } from './fec-sender.ts';
import { FrameNumbers } from './frame-numbers.ts';
import { compactNtp, toNtp } from './ntp.ts';
import { OutboundCounters, type OutboundStreamStats } from './outbound-counters.ts';
import type { OutboundStreamOptions } from './outbound-options.ts';
import type { PacketArena } from './packet-arena.ts';
import { PacketKind } from './packet-history.ts';
import { PacketWriter } from './packet-writer.ts';
import type { PacketisedFrame } from './packetised-frame.ts';
import { PRIMARY_HEADER_LENGTH } from './red.ts';
import { redTemplates, redundantTemplates } from './red-templates.ts';
import { RemoteInbound, type RemoteInboundStats } from './remote-inbound.ts';
import { RetransmissionQueue } from './retransmission-queue.ts';
import type { ReportBlock, SenderReport } from './rtcp/types.ts';
import type { SendOps } from './send-ops.ts';
import { DEFAULT_MTU, headerLengthOf, TEMPLATE_LAYOUT } from './template.ts';

export type { OutboundStreamStats } from './outbound-counters.ts';
export type { OutboundStreamOptions } from './outbound-options.ts';
export type { RemoteInboundStats } from './remote-inbound.ts';

/** A packet of at least so many bytes makes good padding: with small ones their number would be what is measured. */
const GOOD_PADDING = 800;
/** How long ago it may have been sent, ms. */
const GOOD_PADDING_AGE = 1000;

export class OutboundStream {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly clockRate: number;
  /** SSRC of the retransmission stream; undefined where RTX was not negotiated. */
  readonly rtxSsrc: number | undefined;
  readonly rtxPayloadType: number | undefined;
  /** Sequence number of the first packet. */
  readonly initialSequenceNumber: number;

  readonly #packets: PacketWriter;
  readonly #frameNumbers: FrameNumbers;
  readonly #remote: RemoteInbound;
  readonly #fec: FecSender | undefined;
  #redundancy = 0;
  readonly #mtu: number;
  /** The frame in hand, and in which form its packets are sent. */
  #frame: PacketisedFrame | undefined;
  #positions: Float64Array = new Float64Array(0);
  #lengths: Uint16Array = new Uint16Array(0);
  #kind: number = PacketKind.PLAIN;

  readonly #resends: RetransmissionQueue;

  /** Sequence number of the last packet that makes good padding, -1 for none. */
  #goodPadding = -1;

  #lastFir: number | undefined;

  readonly #counters = new OutboundCounters();

  /** Throws a `RangeError` for a history size that is no power of two. */
  constructor(options: OutboundStreamOptions) {
    const packets = new PacketWriter(options);
    this.#packets = packets;
    this.ssrc = packets.ssrc;
    this.payloadType = packets.payloadType;
    this.clockRate = options.clockRate;
    this.rtxSsrc = packets.rtxSsrc;
    this.rtxPayloadType = packets.rtxPayloadType;
    this.initialSequenceNumber = packets.nextSequenceNumber;
    this.#mtu = options.mtu ?? DEFAULT_MTU;
    this.#frameNumbers = new FrameNumbers(options);
    if (options.redPayloadType !== undefined && options.ulpfecPayloadType !== undefined) {
      this.#fec = new FecSender({
        payloadType: options.payloadType,
        ulpfecPayloadType: options.ulpfecPayloadType,
        transportCcId: packets.elements.transportCcId,
        captureTimeByte: packets.elements.captureTimeByte,
        history: packets.history,
      });
    }
    this.#resends = new RetransmissionQueue(packets.history, packets.historySize);
    this.retransmissionPercentage = options.retransmissionPercentage ?? -1;
    this.#remote = new RemoteInbound(options.clockRate);
  }

  /** Whether packets carry transport-wide sequence numbers. */
  get usesTransportCc(): boolean {
    return this.#packets.usesTransportCc;
  }

  /** Whether the caller is to count a transport-wide number for each packet: it is carried, or at least reported on. */
  get countsTransport(): boolean {
    return this.#packets.countsTransport;
  }

  /**
   * The transport-wide number that was counted for a packet of this stream, or of its RTX stream where `ssrc` is that one's;
   * undefined for packets unknown or long gone, and without `congestionControlFeedback`.
   */
  transportSequenceNumberOf(sequenceNumber: number, ssrc = this.ssrc): number | undefined {
    return this.#packets.transportSequenceNumberOf(sequenceNumber, ssrc);
  }

  /** Most that retransmissions may take of the bytes sent, per cent; -1 sets no bound. Can be changed at any time. */
  get retransmissionPercentage(): number {
    return this.#resends.percentage;
  }

  set retransmissionPercentage(percentage: number) {
    this.#resends.percentage = percentage;
  }

  /** Sequence number of the next packet. */
  get nextSequenceNumber(): number {
    return this.#packets.nextSequenceNumber;
  }

  /**
   * Appends packet `index` of `frame` to `ops`; packets of a frame must come in order. Returns its size in bytes, or 0 and
   * appends nothing where the arena has overwritten it (it waited too long). `transportSequenceNumber`: 16 bits; undefined
   * leaves it out.
   */
  writePacket(
    ops: SendOps,
    lane: number,
    arena: PacketArena,
    frame: PacketisedFrame,
    index: number,
    now: number,
    transportSequenceNumber: number | undefined,
  ): number {
    if (index === 0 || frame !== this.#frame) this.#encapsulate(frame, arena, now);
    const position = this.#positions[index]!;
    if (!arena.has(position)) return 0;
    const length = this.#lengths[index]!;
    const last = index === frame.count - 1;
    const pictureIdOffset = frame.pictureIdOffset ?? 0;
    if (index === 0) this.#frameNumbers.begin(frame);

    const headerLength = headerLengthOf(arena.bytes, arena.offset(position));
    const packets = this.#packets;
    const slot = packets.record(position, length, this.#kind, now, transportSequenceNumber);
    this.#sent(length, headerLength, now);
    const { history } = packets;
    history.timestamps[slot] = this.#frameNumbers.timestamp;
    history.markers[slot] = frame.marker && last ? 1 : 0;
    const shift = headerLength + (this.#kind === PacketKind.RED ? PRIMARY_HEADER_LENGTH : 0);
    history.pictureIdOffsets[slot] = pictureIdOffset === 0 ? 0 : pictureIdOffset + shift;
    this.#frameNumbers.recordPictureId(history, slot, frame.layerByte);
    const sequenceNumber = packets.lastSequenceNumber;
    packets.pushOriginal(ops, lane, arena, slot, sequenceNumber);
    if (length >= GOOD_PADDING && packets.goesByRtx(this.#kind)) this.#goodPadding = sequenceNumber;
    if (this.#kind === PacketKind.RED) this.#fec!.add(sequenceNumber);
    if (last) {
      this.#counters.frames++;
      if (frame.keyframe) this.#counters.keyframes++;
      if (this.#kind === PacketKind.RED) this.#fec!.endFrame(arena, now);
    }
    return length;
  }

  /** Whether video can be protected by ULPFEC here: the peer takes it. */
  get supportsFec(): boolean {
    return this.#fec !== undefined;
  }

  /**
   * ULPFEC packets for a hundred of media, 0..100, from the next frame on; 0 sends media plain. Stays 0 without `supportsFec`.
   */
  get fecPercentage(): number {
    return this.#fec?.percentage ?? 0;
  }

  set fecPercentage(percentage: number) {
    if (this.#fec) this.#fec.percentage = Math.min(Math.max(percentage, 0), 100) || 0;
  }

  /** Whether audio can be sent with earlier packets in RED: the peer takes it. */
  get supportsRedundancy(): boolean {
    return this.#packets.redPayloadType !== undefined && this.#fec === undefined;
  }

  /** How many earlier audio packets each packet repeats, 0 or 1, from the next on. Stays 0 without `supportsRedundancy`. */
  get redundancy(): number {
    return this.#redundancy;
  }

  set redundancy(count: number) {
    if (this.supportsRedundancy) this.#redundancy = count >= 1 ? 1 : 0;
  }

  /** ULPFEC packets that wait since a frame was wholly written; some may turn out to be gone. */
  get pendingFec(): number {
    return this.#fec?.pending ?? 0;
  }

  /**
   * Appends the next ULPFEC packet to `ops`; returns its size in bytes, 0 where none is left. It has a sequence number of the
   * stream, and can be asked for again: receivers of H.264 need numbers without a gap.
   */
  nextFec(
    ops: SendOps,
    lane: number,
    arena: PacketArena,
    now: number,
    takeTransportSequenceNumber?: () => number | undefined,
  ): number {
    const packet = this.#fec?.take(arena);
    if (!packet) return 0;
    const { position, length, timestamp } = packet;
    const transportSequenceNumber = this.countsTransport ? takeTransportSequenceNumber?.() : undefined;
    const { headerLength } = TEMPLATE_LAYOUT;
    const packets = this.#packets;
    const slot = packets.record(position, length, PacketKind.FEC, now, transportSequenceNumber);
    this.#sent(length, headerLength, now);
    const { history } = packets;
    history.timestamps[slot] = timestamp;
    history.markers[slot] = 0;
    history.pictureIdOffsets[slot] = 0;
    packets.pushOriginal(ops, lane, arena, slot, packets.lastSequenceNumber);
    this.#counters.wasFec(length, headerLength);
    return length;
  }

  /** Forgets the ULPFEC that waits, as when the rest of a frame is given up. */
  clearFec(): void {
    this.#fec?.clear();
  }

  /**
   * The peer asks for packets again: queues those that can be sent again, except those sent again less than
   * `roundTripTime` (ms; undefined = not known) ago, whose answer may still be on its way, and those sent again so often
   * that they are given up.
   */
  handleNack(sequenceNumbers: readonly number[], now: number, roundTripTime: number | undefined): void {
    this.#counters.nacks++;
    this.#resends.request(sequenceNumbers, now, roundTripTime);
  }

  /** Packets that wait to be sent again; some may turn out to be too old. */
  get pendingRetransmissions(): number {
    return this.#resends.count;
  }

  /**
   * Appends the next packet to be sent again to `ops`; returns its size in bytes, 0 where none is left. What
   * `retransmissionPercentage` does not allow is dropped, not kept: the peer asks again if it still wants it.
   *
   * With RTX it is a packet of its own, with a transport sequence number of its own: `takeTransportSequenceNumber` is called
   * once, only then. Without (or for ULPFEC where RED has no rtx), the original goes out again byte for byte, its old transport sequence number included, since
   * SRTP must never protect two different packets under one index (RFC 3711 §9.1, RFC 7714 §8).
   */
  nextRetransmission(
    ops: SendOps,
    lane: number,
    arena: PacketArena,
    now: number,
    takeTransportSequenceNumber?: () => number | undefined,
  ): number {
    const slot = this.#resends.take(arena, now);
    if (slot < 0) return 0;
    const { sequenceNumber } = this.#resends;
    const packets = this.#packets;
    const headerLength = packets.headerLength(arena, slot);
    const length = packets.goesByRtx(packets.history.kinds[slot]!)
      ? packets.pushRtx(ops, lane, arena, slot, sequenceNumber, now, takeTransportSequenceNumber)
      : packets.pushOriginal(ops, lane, arena, slot, sequenceNumber);
    this.#counters.resent(length, headerLength);
    return length;
  }

  /** Forgets what waits to be sent again; the peer may ask anew. */
  clearRetransmissions(now = Number.NEGATIVE_INFINITY): void {
    this.#resends.clear(now);
  }

  /**
   * Appends a packet that is there to fill the path: one sent lately, once more in RTX format, which repairs a loss where
   * there was one (as libwebrtc pads). A packet of some size is preferred. Returns its size in bytes; 0, and
   * `takeTransportSequenceNumber` is not called, where RTX was not negotiated or nothing is left to repeat.
   */
  writePadding(
    ops: SendOps,
    lane: number,
    arena: PacketArena,
    now: number,
    takeTransportSequenceNumber?: () => number | undefined,
  ): number {
    if (this.rtxSsrc === undefined) return 0;
    const packets = this.#packets;
    const { history } = packets;
    let sequenceNumber = this.#goodPadding;
    let slot = history.find(sequenceNumber, now, arena);
    if (sequenceNumber < 0 || slot < 0 || now - history.sentAt[slot]! > GOOD_PADDING_AGE) {
      sequenceNumber = packets.lastSequenceNumber;
      slot = history.find(sequenceNumber, now, arena);
      if (slot < 0 || !packets.goesByRtx(history.kinds[slot]!)) return 0;
    }
    const headerLength = packets.headerLength(arena, slot);
    const length = packets.pushRtx(ops, lane, arena, slot, sequenceNumber, now, takeTransportSequenceNumber);
    this.#counters.padded(length, headerLength);
    return length;
  }

  /** The peer cannot decode. */
  handlePli(): void {
    this.#counters.plis++;
  }

  /** The peer asks for a keyframe; false for a repetition of the last request (RFC 5104 §4.3.1.2), which needs no new one. */
  handleFir(commandSequenceNumber: number): boolean {
    this.#counters.firs++;
    const isNew = commandSequenceNumber !== this.#lastFir;
    this.#lastFir = commandSequenceNumber;
    return isNew;
  }

  /**
   * A sender report for this moment; undefined before the first frame. Its RTP timestamp is the one a frame captured at
   * `wallTime` would have: what is captured together is played together, over all tracks of one input.
   */
  senderReport(now: number, wallTime: number): SenderReport | undefined {
    const rtpTimestamp = this.#frameNumbers.timestampAt(wallTime);
    if (rtpTimestamp === undefined) return undefined;
    const ntpTime = toNtp(wallTime);
    this.#remote.senderReportSent(compactNtp(ntpTime), now);
    return {
      type: 'sr',
      ssrc: this.ssrc,
      ntpTime,
      rtpTimestamp,
      packetCount: this.#counters.packets >>> 0,
      octetCount: this.#counters.payloadBytes >>> 0,
      reports: [],
    };
  }

  /** Takes the peer's report on this stream, received at `now`; blocks on other streams are ignored. */
  handleReportBlock(block: ReportBlock, now: number): void {
    if (block.ssrc !== this.ssrc) return;
    // Who reports on the stream knows what it is.
    this.#packets.elements.named();
    this.#remote.handleReportBlock(block, now);
  }

  /** What the peer reported last; undefined before its first report. */
  get remoteInbound(): RemoteInboundStats | undefined {
    return this.#remote.stats;
  }

  stats(): OutboundStreamStats {
    return this.#counters.stats;
  }

  /** Chooses the form in which the packets of `frame` are sent. */
  #encapsulate(frame: PacketisedFrame, arena: PacketArena, now: number): void {
    const previous = this.#frame;
    this.#frame = frame;
    let templates: Pick<PacketisedFrame, 'positions' | 'lengths'> = frame;
    this.#kind = PacketKind.PLAIN;
    if (this.#fec?.beginFrame(now)) {
      templates = redTemplates(frame, arena);
      this.#kind = PacketKind.RED;
    } else if (this.#redundancy > 0 && previous) {
      const redundant = redundantTemplates(frame, previous, arena, this.#mtu);
      if (redundant) {
        templates = redundant;
        this.#kind = PacketKind.REDUNDANT;
      }
    }
    this.#positions = templates.positions;
    this.#lengths = templates.lengths;
  }

  #sent(length: number, headerLength: number, now: number): void {
    this.#resends.sent(length, now);
    this.#counters.sent(length, headerLength);
  }
}
