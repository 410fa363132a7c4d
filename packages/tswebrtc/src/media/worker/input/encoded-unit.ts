/**
 * One picture or piece of sound as it came encoded. The media library's packet is made only for its decoder: what is just passed on can do
 * without, which is a good part of what a camera costs.
 */
import { AV_NOPTS_VALUE } from 'node-av/constants';
import { Packet } from 'node-av/lib';

export interface EncodedUnit {
  readonly keyframe: boolean;
  /** Bytes. */
  readonly size: number;
  /** Where it did not come in a packet: H.264 and H.265 as a byte stream, everything else as containers have it. */
  readonly bytes?: Uint8Array;
  /** For the media library; belongs to the unit. */
  packet(): Packet;
  /** Idempotent. */
  free(): void;
}

/** Its packet, due at `timestamp` of the timeline, µs, and for `duration`. */
export function stamped(unit: EncodedUnit, timestamp: number, duration: number): Packet {
  const packet = unit.packet();
  packet.pts = BigInt(timestamp);
  packet.dts = AV_NOPTS_VALUE;
  packet.duration = BigInt(duration);
  return packet;
}

/** Out of a container. Takes the packet over. */
export class PacketUnit implements EncodedUnit {
  readonly keyframe: boolean;
  readonly #packet: Packet;
  #freed = false;

  constructor(packet: Packet) {
    this.#packet = packet;
    this.keyframe = packet.isKeyframe;
  }

  get size(): number {
    return this.#packet.size;
  }

  packet(): Packet {
    return this.#packet;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#packet.free();
  }
}

/** Put together here. */
export class BytesUnit implements EncodedUnit {
  readonly bytes: Uint8Array;
  readonly keyframe: boolean;
  #packet: Packet | undefined;

  /** `bytes` must not change any more. */
  constructor(bytes: Uint8Array, keyframe: boolean) {
    this.bytes = bytes;
    this.keyframe = keyframe;
  }

  get size(): number {
    return this.bytes.length;
  }

  packet(): Packet {
    if (this.#packet) return this.#packet;
    const packet = new Packet();
    packet.alloc();
    packet.data = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    packet.isKeyframe = this.keyframe;
    this.#packet = packet;
    return packet;
  }

  free(): void {
    this.#packet?.free();
    this.#packet = undefined;
  }
}
