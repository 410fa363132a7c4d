/** What pictures and sound have in common on their way through a decoder: packets go in, and what comes first says when it is due. */
import type { Packet } from 'node-av/lib';
import type { WorkerInputTrack } from '../messages.ts';
import type { FileStream } from './file-stream.ts';
import type { Lane } from './lane.ts';
import type { RawOutlet } from './raw-outlet.ts';

export abstract class DecodedLane implements Lane {
  readonly stream: FileStream;
  abstract readonly outlet: RawOutlet;
  abstract readonly description: WorkerInputTrack;
  abstract readonly due: number | undefined;
  end = 0;

  constructor(stream: FileStream) {
    this.stream = stream;
  }

  get index(): number {
    return this.stream.index;
  }

  push(packet: Packet): void {
    this.stream.push(packet);
  }

  complete(): void {
    this.stream.complete();
  }

  first(): number | 'packet' | undefined {
    const { stream } = this;
    if (stream.decode()) return stream.timestamp;
    return stream.ended ? undefined : 'packet';
  }

  abstract prepare(shift: number): boolean;
  abstract handOn(now: number): void;
  abstract settle(time: number): void;
  abstract restart(): void;
  abstract close(): void;
}
