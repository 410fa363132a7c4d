/** One run of the fan-out benchmark: a sending process, a process with its viewers, and what was seen in the best window. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import type { ReceiverFigures } from './fanout-receivers.ts';
import type { BurstFigures, SenderFigures, SenderOptions } from './fanout-sender.ts';
import { DELAY_STEP, FRAMERATE, histogramQuantile } from './fanout-viewer.ts';

export interface Window {
  readonly sender: SenderFigures;
  readonly receivers: ReceiverFigures;
  /** Packets were missing, or came so late that a viewer would have noticed. */
  readonly gaps: string | undefined;
  /** p99 of how far the delay of a frame lies from the median delay, ms. */
  readonly jitterP99: number;
}

export interface Limits {
  /** CPU s a packet at full speed: ours, and unencrypted by the system, without and with segmentation offload. */
  readonly own: number;
  readonly sendmmsg: number;
  readonly segmented: number;
  /** Packets for one viewer at a time. */
  readonly perVisit: number;
}

/** From here on others of this machine disturb: s of waiting for a core, in a second. */
export const DISTURBED = 0.1;
/** From here on the process of the viewers is so busy that it may be what loses packets: part of a core. */
export const BUSY = 0.85;
/** The viewers are allowed to see a frame this much later than others, ms. */
const LATEST = 1000 / FRAMERATE;
/** Time for compilation and for queues to settle, s. */
const WARM_UP = 1.5;

export class FanoutRun {
  readonly viewers: number;
  readonly #sender = new Child('fanout-sender.js');
  readonly #receivers = new Child('fanout-receivers.js');
  #ports: number[] = [];
  #start = 0;

  constructor(viewers: number) {
    this.viewers = viewers;
  }

  async start({ sender, bitrate, tick }: Omit<SenderOptions, 'ports'>): Promise<void> {
    this.#ports = await this.#receivers.ask<number[]>('open', this.viewers);
    const options: SenderOptions = { sender, ports: this.#ports, bitrate, tick };
    this.#start = await this.#sender.ask<number>('start', options);
    await this.#sender.ask('observe', WARM_UP);
  }

  /** `duration`: s. */
  async window(duration: number): Promise<Window> {
    await this.#receivers.ask('begin', this.#start);
    const sender = await this.#sender.ask<SenderFigures>('observe', duration);
    const receivers = await this.#receivers.ask<ReceiverFigures>('figures');
    const jitterP99 = jitter(receivers.delays);
    return { sender, receivers, jitterP99, gaps: gaps(sender, receivers, jitterP99, this.viewers) };
  }

  /** The best of several windows: those of others disturb, nothing makes one better than it is. */
  async best(windows: number, duration: number): Promise<Window> {
    let best: Window | undefined;
    for (let i = 0; i < windows; i++) {
      const window = await this.window(duration);
      const better = !best || (best.gaps && !window.gaps) || (!best.gaps === !window.gaps && cost(window) < cost(best));
      if (better) best = window;
    }
    return best!;
  }

  /** Ends the stream and measures the speed of protecting and sending alone beside that of the system, in turns. */
  async limits(perVisit: number, length: number, rounds = 4): Promise<Limits | undefined> {
    const baseline = Baseline.compile();
    if (!baseline) return undefined;
    try {
      const limits = { own: Infinity, sendmmsg: Infinity, segmented: Infinity };
      for (let i = 0; i < rounds; i++) {
        const own = await this.#sender.ask<BurstFigures>('burst', { duration: 0.5, perVisit, length });
        limits.own = Math.min(limits.own, own.cpu / own.packets);
        limits.sendmmsg = Math.min(limits.sendmmsg, baseline.run(false, perVisit, length + 16, 0.5, this.#ports));
        limits.segmented = Math.min(limits.segmented, baseline.run(true, perVisit, length + 16, 0.5, this.#ports));
      }
      return { ...limits, perVisit };
    } finally {
      baseline.remove();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#sender.close(), this.#receivers.close()]);
  }
}

/** The system's own speed, by a small C program. */
class Baseline {
  readonly #folder: string;
  readonly #program: string;

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#program = program;
  }

  /** Undefined where there is no C compiler. */
  static compile(): Baseline | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'fanout-'));
    const program = join(folder, 'baseline');
    // Seen from bench/dist/bench.
    const source = fileURLToPath(new URL('../../fanout-baseline.c', import.meta.url));
    const { status } = spawnSync(process.env.CC ?? 'cc', ['-std=gnu11', '-O2', source, '-o', program]);
    if (status === 0) return new Baseline(folder, program);
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }

  /** CPU s a datagram. */
  run(segmented: boolean, perVisit: number, length: number, duration: number, ports: readonly number[]): number {
    const args = [segmented ? 1 : 0, perVisit, length, duration, ...ports].map(String);
    const { stdout } = spawnSync(this.#program, args, { encoding: 'utf8' });
    const [sent, cpu] = (stdout ?? '').split(' ').map(Number);
    return sent && cpu ? cpu / sent : Number.POSITIVE_INFINITY;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const cost = ({ sender }: Window): number => sender.cpu / sender.packets;

function jitter(delays: readonly number[]): number {
  const median = histogramQuantile(delays, DELAY_STEP, 0.5);
  const deviations: number[] = [];
  for (const [i, count] of delays.entries()) {
    const steps = Math.round(Math.abs(i * DELAY_STEP - median) / DELAY_STEP);
    deviations[steps] = (deviations[steps] ?? 0) + count;
  }
  return histogramQuantile(
    Array.from(deviations, (count) => count ?? 0),
    DELAY_STEP,
    0.99,
  );
}

function gaps(sender: SenderFigures, receivers: ReceiverFigures, jitterP99: number, viewers: number): string | undefined {
  const scheduled = sender.duration * FRAMERATE;
  if (sender.dropped > 0) return `the sockets refused ${sender.dropped} packets`;
  if (receivers.missing > 0) return `${receivers.missing} packets did not reach ${receivers.incompleteViewers} viewers`;
  if (receivers.undecryptable > 0) return `${receivers.undecryptable} packets were not authentic`;
  // A window may begin or end within a frame.
  if (receivers.framesPerViewer < scheduled - 1.5) {
    return `${receivers.framesPerViewer.toFixed(1)} of ${scheduled.toFixed(1)} frames reached a viewer`;
  }
  if (sender.backlog > viewers * 20_000) return 'what waits for the pacer grows';
  if (jitterP99 > LATEST) return `frames came up to ${jitterP99.toFixed(0)} ms late`;
  return undefined;
}
