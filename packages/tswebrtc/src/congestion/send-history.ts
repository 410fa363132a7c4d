/**
 * The packets in flight, by unwrapped transport-wide sequence number: what feedback is matched against. A ring of typed
 * columns that starts small (there is one a session) and doubles as long as it would otherwise forget a packet whose
 * feedback may still come.
 */

/** Slots to start with; doubled on demand. */
const INITIAL_CAPACITY = 512;
/** Half the circle of 16-bit numbers: beyond it a number says no more which packet is meant. */
const MAX_CAPACITY = 0x8000;
/** Feedback that comes later than this serves nobody, ms (libwebrtc keeps 60 s, for the sake of its statistics). */
const HISTORY_TIME = 5000;

export const IN_FLIGHT = 0;
export const LOST = 1;
export const RECEIVED = 2;
export type PacketState = typeof IN_FLIGHT | typeof LOST | typeof RECEIVED;

export class SendHistory {
  /** Unwrapped number of the packet in each slot, -1 for none. */
  #sequences = new Float64Array(INITIAL_CAPACITY).fill(-1);
  #sendTimes = new Float64Array(INITIAL_CAPACITY);
  #sizes = new Uint32Array(INITIAL_CAPACITY);
  #clusters = new Int32Array(INITIAL_CAPACITY);
  #states = new Uint8Array(INITIAL_CAPACITY);
  /** Unwrapped number of the newest packet, -1 before the first. */
  #newest = -1;
  /** Highest number that feedback has told about, received or not. */
  #acknowledged = -1;
  #bytesInFlight = 0;

  /** Bytes that no feedback has told about, those sent before a reported packet not counted. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Unwrapped number of the newest packet, -1 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Slots, for tests of its bounds. */
  get capacity(): number {
    return this.#sequences.length;
  }

  /** Remembers a packet. `sequenceNumber`: 16 bit, ahead of the last one. Returns its unwrapped number. */
  add(sequenceNumber: number, size: number, now: number, cluster: number): number {
    const low = sequenceNumber & 0xffff;
    if (this.#newest < 0) {
      this.#newest = low;
      this.#acknowledged = low - 1;
    } else {
      const ahead = (low - this.#newest) & 0xffff;
      // A number that lies back (a caller's error or a repeated one) names a slot that exists: it is overwritten, no more.
      if (ahead < 0x8000) this.#newest += ahead;
    }
    const sequence = this.#newest - ((this.#newest - low) & 0xffff);
    if (sequence < 0) return sequence;
    let slot = sequence & (this.#sequences.length - 1);
    if (this.#mustKeep(slot, now)) {
      this.#grow();
      slot = sequence & (this.#sequences.length - 1);
    }
    this.#forget(slot);
    this.#sequences[slot] = sequence;
    this.#sendTimes[slot] = now;
    this.#sizes[slot] = size;
    this.#clusters[slot] = cluster;
    this.#states[slot] = IN_FLIGHT;
    if (sequence > this.#acknowledged) this.#bytesInFlight += size;
    return sequence;
  }

  /** The unwrapped number meant by a 16-bit one in feedback: the newest not above the last sent. */
  unwrap(sequenceNumber: number): number {
    return this.#newest - ((this.#newest - sequenceNumber) & 0xffff);
  }

  /** The slot of a packet, -1 when it is not known. */
  find(sequence: number): number {
    if (sequence < 0) return -1;
    const slot = sequence & (this.#sequences.length - 1);
    return this.#sequences[slot] === sequence ? slot : -1;
  }

  sendTime(slot: number): number {
    return this.#sendTimes[slot]!;
  }

  size(slot: number): number {
    return this.#sizes[slot]!;
  }

  cluster(slot: number): number {
    return this.#clusters[slot]!;
  }

  state(slot: number): PacketState {
    return this.#states[slot] as PacketState;
  }

  setState(slot: number, state: PacketState): void {
    this.#states[slot] = state;
  }

  /** Feedback has reached this unwrapped number: it and everything before it is in flight no more. */
  acknowledge(sequence: number): void {
    // What lies further back than the ring was forgotten, and left the count then.
    let next = Math.max(this.#acknowledged + 1, this.#newest - this.#sequences.length + 1);
    for (; next <= sequence; next++) {
      const slot = this.find(next);
      if (slot >= 0) this.#bytesInFlight -= this.#sizes[slot]!;
    }
    if (sequence > this.#acknowledged) this.#acknowledged = sequence;
  }

  #mustKeep(slot: number, now: number): boolean {
    return (
      this.#sequences[slot]! >= 0 &&
      this.#sequences[slot] !== this.#newest &&
      this.#states[slot] !== RECEIVED &&
      now - this.#sendTimes[slot]! < HISTORY_TIME &&
      this.#sequences.length < MAX_CAPACITY
    );
  }

  #forget(slot: number): void {
    const sequence = this.#sequences[slot]!;
    if (sequence > this.#acknowledged) this.#bytesInFlight -= this.#sizes[slot]!;
    this.#sequences[slot] = -1;
  }

  #grow(): void {
    const old = this.#sequences;
    const oldMask = old.length - 1;
    const length = old.length * 2;
    const sendTimes = new Float64Array(length);
    const sizes = new Uint32Array(length);
    const clusters = new Int32Array(length);
    const states = new Uint8Array(length);
    const sequences = new Float64Array(length).fill(-1);
    for (const sequence of old) {
      if (sequence < 0) continue;
      const from = sequence & oldMask;
      const to = sequence & (length - 1);
      sequences[to] = sequence;
      sendTimes[to] = this.#sendTimes[from]!;
      sizes[to] = this.#sizes[from]!;
      clusters[to] = this.#clusters[from]!;
      states[to] = this.#states[from]!;
    }
    this.#sequences = sequences;
    this.#sendTimes = sendTimes;
    this.#sizes = sizes;
    this.#clusters = clusters;
    this.#states = states;
  }
}
