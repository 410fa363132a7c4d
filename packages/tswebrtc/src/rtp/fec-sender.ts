/**
 * Decides what one stream protects by ULPFEC and builds those packets: after a frame, or after a few small ones, FEC over what
 * was sent of them, so that in the long run `percentage` FEC packets leave for a hundred of media.
 *
 * FEC is over the very bytes that left, identity and header extensions included (RFC 5109 §7.4), without the RED around them.
 */
import type { PacketArena } from './packet-arena.ts';
import type { PacketHistory } from './packet-history.ts';
import { PRIMARY_HEADER_LENGTH } from './red.ts';
import { hasCaptureTime, headerLengthOf, TEMPLATE_LAYOUT, writeTemplateHeader } from './template.ts';
import { FIXED_HEADER_LENGTH, fecHeaderLength, LONG_MASK_BITS, UlpfecEncoder } from './ulpfec.ts';

/**
 * Small frames share FEC packets. The receiver cannot recover the first of them before the last is there, so not for long: 4
 * frames, as libwebrtc's default for realtime, and no more than these ms.
 */
const MOST_FRAMES = 4;
const LONGEST_GROUP = 150;

/** FEC packets that wait beyond this number are given up, oldest first: what they protect is long due. */
const MOST_PENDING = 128;

/** Bytes in front of the FEC payload: those of any packet, and the RED header that says ULPFEC. */
const PACKET_HEADER = TEMPLATE_LAYOUT.headerLength + PRIMARY_HEADER_LENGTH;

/** What the stream puts into its packets. */
export interface FecSenderOptions {
  /** Of the media. */
  readonly payloadType: number;
  readonly ulpfecPayloadType: number;
  /** Header extension ids, 0 for none. */
  readonly transportCcId: number;
  /** What stands before a capture time. */
  readonly captureTimeByte: number;
  readonly history: PacketHistory;
}

interface PendingPacket {
  readonly position: number;
  readonly length: number;
  readonly timestamp: number;
}

export class FecSender {
  /** FEC packets for a hundred media packets, 0..100. Takes effect at the next frame. */
  percentage = 0;
  readonly #options: FecSenderOptions;
  readonly #encoder = new UlpfecEncoder();
  readonly #offsets = new Float64Array(LONG_MASK_BITS);
  /** One packet as it left. */
  readonly #packet = new Uint8Array(2048);
  readonly #pending: PendingPacket[] = [];
  /** Sequence numbers of the packets to protect together. */
  readonly #group: number[] = [];
  #frames = 0;
  #groupStart = 0;
  #framePercentage = 0;
  /** FEC packets owed; negative after rounding up. */
  #debt = 0;

  constructor(options: FecSenderOptions) {
    this.#options = options;
  }

  /** Built and not yet sent. */
  get pending(): number {
    return this.#pending.length;
  }

  /** A frame begins at `now`; whether it is to be protected. */
  beginFrame(now: number): boolean {
    this.#framePercentage = Math.min(Math.max(this.percentage, 0), 100) || 0;
    if (this.#framePercentage === 0) {
      this.#endGroup();
      this.#debt = 0;
      return false;
    }
    if (now - this.#groupStart >= LONGEST_GROUP) this.#endGroup();
    if (this.#frames === 0) this.#groupStart = now;
    return true;
  }

  /** A media packet of the frame was sent, and is in the history. */
  add(sequenceNumber: number): void {
    this.#group.push(sequenceNumber);
    this.#debt += this.#framePercentage / 100;
  }

  /** All of the frame was sent: builds FEC if enough has come together. */
  endFrame(arena: PacketArena, now: number): void {
    this.#frames++;
    const count = Math.min(Math.floor(this.#debt + 0.5), this.#group.length);
    if (count > 0) {
      this.#debt -= count;
      this.#build(count, arena, now);
    } else if (this.#frames < MOST_FRAMES) return;
    // What found no FEC in time goes without; what it was worth is kept, so that the percentage holds.
    this.#endGroup();
  }

  /** Takes the oldest FEC packet that waits and is still there. */
  take(arena: PacketArena): PendingPacket | undefined {
    for (let packet = this.#pending.shift(); packet; packet = this.#pending.shift()) {
      if (arena.has(packet.position)) return packet;
    }
    return undefined;
  }

  /** Forgets what waits and what is not yet protected. */
  clear(): void {
    this.#pending.length = 0;
    this.#endGroup();
  }

  #endGroup(): void {
    this.#group.length = 0;
    this.#frames = 0;
  }

  /** `count` FEC packets over the group, in blocks that a mask can reach over. */
  #build(count: number, arena: PacketArena, now: number): void {
    const group = this.#group;
    const total = group.length;
    let done = 0;
    for (let from = 0; from < total; ) {
      const blocks = Math.ceil((total - from) / LONG_MASK_BITS);
      let to = from + Math.ceil((total - from) / blocks);
      while (spanOf(group[from]!, group[to - 1]!) > LONG_MASK_BITS) to--;
      const share = Math.min(Math.round((count * to) / total) - done, to - from);
      if (share > 0) this.#buildBlock(from, to, share, arena, now);
      done += share;
      from = to;
    }
  }

  #buildBlock(from: number, to: number, count: number, arena: PacketArena, now: number): void {
    const group = this.#group;
    const { history, ulpfecPayloadType } = this.#options;
    const base = group[from]!;
    const span = spanOf(base, group[to - 1]!);
    let longest = 0;
    let timestamp = 0;
    for (let i = from; i < to; i++) {
      const slot = history.find(group[i]!, now, arena);
      if (slot < 0) return;
      longest = Math.max(longest, history.lengths[slot]! - PRIMARY_HEADER_LENGTH);
      timestamp = history.timestamps[slot]!;
    }
    const length = PACKET_HEADER + fecHeaderLength(span) + longest - FIXED_HEADER_LENGTH;
    const { bytes } = arena;
    const pending = this.#pending;
    const first = pending.length;
    for (let j = 0; j < count; j++) {
      const position = arena.alloc(length);
      const at = arena.offset(position);
      writeTemplateHeader(bytes, at);
      bytes[at + TEMPLATE_LAYOUT.headerLength] = ulpfecPayloadType;
      this.#offsets[j] = at + PACKET_HEADER;
      pending.push({ position, length, timestamp });
    }
    this.#encoder.begin(bytes, this.#offsets, count, to - from, base, span, longest);
    for (let i = from; i < to; i++) {
      // In a small arena the FEC may have taken the place of what it is about.
      const slot = history.find(group[i]!, now, arena);
      if (slot < 0) {
        pending.length = first;
        return;
      }
      this.#encoder.add(this.#packet, 0, this.#render(slot, group[i]!, arena));
    }
    if (pending.length > MOST_PENDING) pending.splice(0, pending.length - MOST_PENDING);
  }

  /** Writes the packet in `slot` of the history into `#packet` as it left, without its RED header; returns its length. */
  #render(slot: number, sequenceNumber: number, arena: PacketArena): number {
    const { history, payloadType, transportCcId, captureTimeByte } = this.#options;
    const packet = this.#packet;
    const { bytes } = arena;
    const from = arena.offset(history.positions[slot]!);
    const length = history.lengths[slot]! - PRIMARY_HEADER_LENGTH;
    const { transportCcOffset, absSendTimeOffset, captureTimeOffset } = TEMPLATE_LAYOUT;
    const headerLength = headerLengthOf(bytes, from);
    for (let i = 0; i < headerLength; i++) packet[i] = bytes[from + i]!;
    for (let i = headerLength; i < length; i++) packet[i] = bytes[from + PRIMARY_HEADER_LENGTH + i]!;
    packet[1] = (history.markers[slot] === 1 ? 0x80 : 0) | payloadType;
    write(packet, 2, 2, sequenceNumber);
    write(packet, 4, 4, history.timestamps[slot]!);
    const transportSequenceNumber = history.transportSequenceNumbers[slot]!;
    if (transportSequenceNumber >= 0) {
      packet[transportCcOffset] = (transportCcId << 4) | 1;
      write(packet, transportCcOffset + 1, 2, transportSequenceNumber);
    }
    write(packet, absSendTimeOffset, 4, history.elements[slot]!);
    if (hasCaptureTime(bytes, from)) packet[captureTimeOffset] = captureTimeByte;
    const pictureIdOffset = history.pictureIdOffsets[slot]!;
    if (pictureIdOffset !== 0) {
      write(packet, pictureIdOffset - PRIMARY_HEADER_LENGTH, history.pictureIdLengths[slot]!, history.pictureIds[slot]!);
    }
    return length;
  }
}

/** How many sequence numbers there are from `first` to `last`. */
function spanOf(first: number, last: number): number {
  return ((last - first) & 0xffff) + 1;
}

function write(into: Uint8Array, offset: number, length: number, value: number): void {
  for (let i = 0; i < length; i++) into[offset + i] = value >>> (8 * (length - 1 - i));
}
