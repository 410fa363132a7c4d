/**
 * Raw frames that cross threads without being copied: a SharedArrayBuffer of equal slots. One thread (the input) takes free
 * slots and fills them; any number of other threads (the encodings) hold a slot while they read it.
 *
 * A slot's references are not a bare count but one bit for each holder, so that the references of a holder that died can be
 * taken back. A slot is free when no bit is set. When none is free the frame is given up: raw video is too large to queue.
 */
import { TsWebRTCError } from '../common/errors.ts';

/** Most holders (encodings of one track) a pool can tell apart. */
export const MAX_HOLDERS = 128;
const WORDS = MAX_HOLDERS / 32;
const ALIGNMENT = 64;

/** What another thread needs to map a pool. */
export interface FramePoolHandle {
  readonly buffer: SharedArrayBuffer;
  readonly slots: number;
  /** Bytes of one slot. */
  readonly slotSize: number;
}

export class FramePool {
  readonly handle: FramePoolHandle;
  readonly #holders: Int32Array;
  readonly #slots: Uint8Array<SharedArrayBuffer>[] = [];
  #next = 0;

  private constructor(handle: FramePoolHandle) {
    this.handle = handle;
    const header = headerSize(handle.slots);
    this.#holders = new Int32Array(handle.buffer, 0, handle.slots * WORDS);
    for (let i = 0; i < handle.slots; i++) {
      this.#slots.push(new Uint8Array(handle.buffer, header + i * align(handle.slotSize), handle.slotSize));
    }
  }

  /** Makes a pool of `slots` slots of `slotSize` bytes. */
  static create(slots: number, slotSize: number): FramePool {
    const buffer = new SharedArrayBuffer(headerSize(slots) + slots * align(slotSize));
    return new FramePool({ buffer, slots, slotSize });
  }

  /** Maps a pool that another thread made. */
  static attach(handle: FramePoolHandle): FramePool {
    return new FramePool(handle);
  }

  /** The bytes of a slot. */
  data(slot: number): Uint8Array<SharedArrayBuffer> {
    const data = this.#slots[slot];
    if (!data) throw new TsWebRTCError('INTERNAL', `Frame pool slot ${slot} does not exist.`);
    return data;
  }

  /** A slot nobody holds, or -1. Owner only; stays free until `hold` is called. */
  findFree(): number {
    const { slots } = this.handle;
    for (let i = 0; i < slots; i++) {
      const slot = (this.#next + i) % slots;
      if (!this.#isHeld(slot)) {
        this.#next = (slot + 1) % slots;
        return slot;
      }
    }
    return -1;
  }

  /** Notes that `holder` reads `slot`. Owner only, before the slot is announced to the holder. */
  hold(slot: number, holder: number): void {
    Atomics.or(this.#holders, slot * WORDS + (holder >>> 5), 1 << (holder & 31));
  }

  /** `holder` is done with `slot`. */
  release(slot: number, holder: number): void {
    Atomics.and(this.#holders, slot * WORDS + (holder >>> 5), ~(1 << (holder & 31)));
  }

  /** Takes back whatever a holder that went away still held. */
  releaseAll(holder: number): void {
    for (let slot = 0; slot < this.handle.slots; slot++) this.release(slot, holder);
  }

  #isHeld(slot: number): boolean {
    for (let word = 0; word < WORDS; word++) {
      if (Atomics.load(this.#holders, slot * WORDS + word) !== 0) return true;
    }
    return false;
  }
}

function align(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

function headerSize(slots: number): number {
  return align(slots * WORDS * Int32Array.BYTES_PER_ELEMENT);
}
