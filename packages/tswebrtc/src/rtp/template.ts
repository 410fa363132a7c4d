/**
 * How packet templates are laid out and built: an RTP header without identity, a one-byte extension block (RFC 8285 §4.2)
 * with blank room for every extension a session may have negotiated, then the payload. `TemplateWriter` is what all
 * packetisers write through.
 */
import type { PacketArena } from './packet-arena.ts';
import type { PacketisedFrame, TemplateLayout } from './packetised-frame.ts';

/** Largest RTP packet we send, header and extensions included, bytes: the reference's payloaders have `mtu=1200`. */
export const MAX_PACKET_LENGTH = 1200;

/** RTX puts the original sequence number before the payload (RFC 4588 §4): a template leaves that room. */
export const RTX_HEADER_LENGTH = 2;

/** RED puts the payload type before the payload (RFC 2198 §3): that room too. */
const RED_HEADER_LENGTH = 1;

/** 12 bytes of header, 4 of block header, 3 for transport-wide-cc, 4 for abs-send-time, 1 to fill the word. */
export const TEMPLATE_LAYOUT: TemplateLayout = { headerLength: 24, transportCcOffset: 16, absSendTimeOffset: 19 };

/**
 * Payload a template can carry so that the packet in RED, and its retransmission, stay within `MAX_PACKET_LENGTH`. Bytes. Only a
 * ULPFEC packet may be longer, by up to 30: it holds the longest packet's header extensions besides its own headers.
 */
export const MAX_PAYLOAD_LENGTH = MAX_PACKET_LENGTH - RTX_HEADER_LENGTH - RED_HEADER_LENGTH - TEMPLATE_LAYOUT.headerLength;

const EXTENSION_WORDS = 2;

/** What a packetiser knows of the frame as a whole. */
export type FrameFields = Pick<
  PacketisedFrame,
  'timestamp' | 'captureTime' | 'keyframe' | 'marker' | 'pictureIdOffset' | 'layerByte' | 'temporalLayer'
>;

/** Writes the header of a template, all of it blank but what makes it one. */
export function writeTemplateHeader(bytes: Uint8Array, offset: number): void {
  bytes.fill(0, offset, offset + TEMPLATE_LAYOUT.headerLength);
  bytes[offset] = 0x90; // version 2, with an extension block
  bytes[offset + 12] = 0xbe;
  bytes[offset + 13] = 0xde;
  bytes[offset + 15] = EXTENSION_WORDS;
}

/** Builds the templates of one frame after another. Allocates per frame, not per packet. */
export class TemplateWriter {
  #arena: PacketArena | undefined;
  #positions = new Float64Array(64);
  #lengths = new Uint16Array(64);
  #count = 0;
  #size = 0;

  /** Starts a frame in `arena`. `payloadSize`: about how many bytes are to come; false where they would not fit safely. */
  begin(arena: PacketArena, payloadSize: number): boolean {
    this.#arena = arena;
    this.#count = 0;
    this.#size = 0;
    // A frame in more than half of the ring would push out what is being sent. 1.25: packet headers, generously.
    return payloadSize * 1.25 + MAX_PACKET_LENGTH <= arena.bytes.length / 2;
  }

  /** Adds a packet with `payloadLength` bytes of payload; returns where in `arena.bytes` the payload is to be written. */
  addPacket(payloadLength: number): number {
    const arena = this.#arena!;
    const length = TEMPLATE_LAYOUT.headerLength + payloadLength;
    const position = arena.alloc(length);
    const n = this.#count++;
    if (n === this.#positions.length) this.#grow();
    this.#positions[n] = position;
    this.#lengths[n] = length;
    this.#size += length;
    const offset = arena.offset(position);
    writeTemplateHeader(arena.bytes, offset);
    return offset + TEMPLATE_LAYOUT.headerLength;
  }

  /** The frame; undefined when no packet was added. */
  end(fields: FrameFields): PacketisedFrame | undefined {
    const count = this.#count;
    this.#arena = undefined;
    if (count === 0) return undefined;
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
