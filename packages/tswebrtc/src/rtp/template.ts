/**
 * How packet templates are laid out and built: an RTP header without identity, a one-byte extension block (RFC 8285 §4.2)
 * with blank room for every extension a session may have negotiated, then the payload. Where capture times are told, a frame's
 * first packet has room for that too, the time in it already. `TemplateWriter` is what all packetisers write through.
 */
import { toNtp } from './ntp.ts';
import type { PacketArena } from './packet-arena.ts';
import type { PacketisedFrame, TemplateLayout } from './packetised-frame.ts';

/** Largest RTP packet, header and extensions included, unless told otherwise, bytes: the reference's payloaders have `mtu=1200`. */
export const DEFAULT_MTU = 1200;
/** The bounds of what may be asked for: what every path takes (RFC 791), and what an Ethernet frame takes with all that may be added. */
export const MIN_MTU = 576;
export const MAX_MTU = 1400;

/** RTX puts the original sequence number before the payload (RFC 4588 §4): a template leaves that room. */
export const RTX_HEADER_LENGTH = 2;

/** RED puts the payload type before the payload (RFC 2198 §3): that room too. */
const RED_HEADER_LENGTH = 1;

/**
 * 12 bytes of header, 4 of block header, 3 for transport-wide-cc, 4 for abs-send-time, and 1 to fill the word: where there is a
 * capture time, that byte is its id and length, and the 8 of its value follow.
 */
export const TEMPLATE_LAYOUT: TemplateLayout = {
  headerLength: 24,
  transportCcOffset: 16,
  absSendTimeOffset: 19,
  captureTimeOffset: 23,
};

const BLOCK_OFFSET = 12;
const BLOCK_HEADER_LENGTH = 4;
const CAPTURE_TIME_WORDS = 2;

/**
 * Payload a template can carry so that the packet in RED, and its retransmission, stay within `mtu`. Bytes. Only a packet with a
 * capture time may be longer, by 8, which with the default the least MTU of IPv6 still takes; and a ULPFEC packet, by up to 30 more:
 * it holds the longest packet's header extensions besides its own headers.
 */
export function maxPayloadLength(mtu = DEFAULT_MTU): number {
  return mtu - RTX_HEADER_LENGTH - RED_HEADER_LENGTH - TEMPLATE_LAYOUT.headerLength;
}

const EXTENSION_WORDS = 2;
/** What packet headers add at most, generously. */
const OVERHEAD = 1.25;

/** What a packetiser knows of the frame as a whole. */
export type FrameFields = Pick<
  PacketisedFrame,
  'timestamp' | 'captureTime' | 'keyframe' | 'marker' | 'pictureIdOffset' | 'layerByte' | 'temporalLayer'
>;

/** Bytes of the header of the template at `offset`, extension block included. */
export function headerLengthOf(bytes: Uint8Array, offset: number): number {
  return BLOCK_OFFSET + BLOCK_HEADER_LENGTH + 4 * bytes[offset + BLOCK_OFFSET + 3]!;
}

/** Whether the template at `offset` has a capture time. */
export function hasCaptureTime(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset + BLOCK_OFFSET + 3]! > EXTENSION_WORDS;
}

/** Writes the header of a template, all of it blank but what makes it one; returns its length. */
export function writeTemplateHeader(bytes: Uint8Array, offset: number, captureTime = false): number {
  const words = EXTENSION_WORDS + (captureTime ? CAPTURE_TIME_WORDS : 0);
  const length = BLOCK_OFFSET + BLOCK_HEADER_LENGTH + 4 * words;
  bytes.fill(0, offset, offset + length);
  bytes[offset] = 0x90; // version 2, with an extension block
  bytes[offset + 12] = 0xbe;
  bytes[offset + 13] = 0xde;
  bytes[offset + 15] = words;
  return length;
}

/** Builds the templates of one frame after another. Allocates per frame, not per packet. */
export class TemplateWriter {
  /** Most that a packet may carry, bytes. */
  readonly maxPayload: number;
  readonly #mtu: number;
  readonly #captureTimes: boolean;
  #arena: PacketArena | undefined;
  #positions = new Float64Array(64);
  #lengths = new Uint16Array(64);
  #count = 0;
  #size = 0;

  /** `captureTimes`: whether the first packet of each frame tells when it was captured. `mtu`: largest packet, bytes. */
  constructor({ captureTimes = false, mtu = DEFAULT_MTU }: { captureTimes?: boolean; mtu?: number } = {}) {
    this.#captureTimes = captureTimes;
    this.#mtu = mtu;
    this.maxPayload = maxPayloadLength(mtu);
  }

  /** Starts a frame in `arena`. `payloadSize`: about how many bytes are to come; false where they would not fit safely. */
  begin(arena: PacketArena, payloadSize: number): boolean {
    this.#arena = arena;
    this.#count = 0;
    this.#size = 0;
    // A frame in more than half of the ring would push out what is being sent.
    return payloadSize * OVERHEAD + this.#mtu <= arena.bytes.length / 2;
  }

  /** Adds a packet with `payloadLength` bytes of payload; returns where in `arena.bytes` the payload is to be written. */
  addPacket(payloadLength: number): number {
    const arena = this.#arena!;
    const n = this.#count++;
    const captureTime = this.#captureTimes && n === 0;
    const headerLength = TEMPLATE_LAYOUT.headerLength + (captureTime ? 4 * CAPTURE_TIME_WORDS : 0);
    const length = headerLength + payloadLength;
    const position = arena.alloc(length);
    if (n === this.#positions.length) this.#grow();
    this.#positions[n] = position;
    this.#lengths[n] = length;
    this.#size += length;
    const offset = arena.offset(position);
    writeTemplateHeader(arena.bytes, offset, captureTime);
    return offset + headerLength;
  }

  /** The frame; undefined when no packet was added. */
  end(fields: FrameFields): PacketisedFrame | undefined {
    const count = this.#count;
    const arena = this.#arena!;
    this.#arena = undefined;
    if (count === 0) return undefined;
    if (this.#captureTimes) writeCaptureTime(arena.bytes, arena.offset(this.#positions[0]!), fields.captureTime);
    return {
      ...fields,
      count,
      positions: this.#positions.slice(0, count),
      lengths: this.#lengths.slice(0, count),
      size: this.#size,
    };
  }

  #grow(): void {
    const positions = new Float64Array(this.#positions.length * 2);
    positions.set(this.#positions);
    this.#positions = positions;
    const lengths = new Uint16Array(this.#lengths.length * 2);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
  }
}

/** As an NTP timestamp, 32.32 fixed point: the short form of abs-capture-time. */
function writeCaptureTime(bytes: Uint8Array, offset: number, captureTime: number): void {
  const { seconds, fraction } = toNtp(captureTime);
  const at = offset + TEMPLATE_LAYOUT.captureTimeOffset + 1;
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = seconds >>> (24 - 8 * i);
    bytes[at + 4 + i] = fraction >>> (24 - 8 * i);
  }
}
