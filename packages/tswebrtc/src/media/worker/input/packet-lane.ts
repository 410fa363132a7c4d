/** A stream of a file whose packets can be passed on: each is handed on when due, whether anybody wants it raw or as it is. */
import { AV_NOPTS_VALUE } from 'node-av/constants';
import type { Packet, Stream } from 'node-av/lib';
import type { WorkerInputTrack } from '../messages.ts';
import type { EncodedOutlet } from './encoded-outlet.ts';
import { PacketUnit } from './encoded-unit.ts';
import type { Lane } from './lane.ts';
import type { RawOutlet } from './raw-outlet.ts';
import type { StreamTrack } from './stream-track.ts';
import type { TimeCodeReader } from './time-code-reader.ts';

/** A badly interleaved file may make one stream's packets wait for the other's; beyond this the oldest are given up. */
const MAX_WAITING = 4096;
/** A packet of which nobody says how long it lasts, µs. */
const USUAL_DURATION = 40_000;

export class PacketLane implements Lane {
  readonly index: number;
  readonly description: WorkerInputTrack;
  readonly outlet: RawOutlet;
  readonly packets?: EncodedOutlet;
  readonly timeCodes: TimeCodeReader | undefined;
  due: number | undefined;
  end = 0;
  readonly #track: StreamTrack;
  readonly #tick: number;
  readonly #usual: number;
  readonly #waiting: Packet[] = [];
  #complete = false;
  /** When the packet behind the last one is due, µs on the file's own clock. */
  #expected = 0;

  constructor(track: StreamTrack, { index, timeBase }: Stream) {
    this.#track = track;
    this.index = index;
    this.description = track.description;
    this.outlet = track.outlet;
    this.timeCodes = track.timeCodes;
    if (track.packets) this.packets = track.packets;
    this.#tick = (timeBase.num * 1e6) / timeBase.den;
    const { description } = track;
    this.#usual = description.kind === 'video' && description.format.framerate > 0 ? 1e6 / description.format.framerate : 0;
  }

  push(packet: Packet): void {
    this.#waiting.push(packet);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift()!.free();
  }

  complete(): void {
    this.#complete = true;
  }

  first(): number | 'packet' | undefined {
    const [packet] = this.#waiting;
    if (packet) return this.#time(packet);
    return this.#complete ? undefined : 'packet';
  }

  prepare(shift: number): boolean {
    const [packet] = this.#waiting;
    if (!packet) {
      this.due = undefined;
      return this.#complete;
    }
    this.due ??= this.#time(packet) + shift;
    this.end = Math.max(this.end, this.due + this.#duration(packet));
    return true;
  }

  handOn(): void {
    const packet = this.#waiting.shift();
    if (!packet || this.due === undefined) return;
    const duration = this.#duration(packet);
    this.#expected = this.#time(packet) + duration;
    this.#track.feed(new PacketUnit(packet), this.due, duration, this.due);
    this.due = undefined;
  }

  settle(): void {
    if (this.#complete && this.#waiting.length === 0) this.#track.drain();
  }

  restart(): void {
    for (const packet of this.#waiting.splice(0)) packet.free();
    this.due = undefined;
    this.#complete = false;
    this.#expected = 0;
    this.timeCodes?.restart();
  }

  close(): void {
    for (const packet of this.#waiting.splice(0)) packet.free();
    this.#track.close();
  }

  #time({ pts }: Packet): number {
    return pts === AV_NOPTS_VALUE ? this.#expected : Number(pts) * this.#tick;
  }

  #duration({ duration }: Packet): number {
    return duration > 0n ? Number(duration) * this.#tick : this.#usual || USUAL_DURATION;
  }
}
