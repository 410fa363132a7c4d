/** How busy a producer's process and the whole machine are. Linux only. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { sharedClock } from './child.ts';

/** Clock ticks a second in /proc; the same on every Linux that Node runs on. */
const TICKS = 100;
/** Idle less than this part of all cores, the machine holds back what runs on it. */
const SCARCE = 0.1;

export interface Load {
  /** Part of one core that the process used, all its threads. */
  readonly process: number;
  /** Part of all cores that nobody used. */
  readonly idle: number;
}

export class LoadMeter {
  readonly #pid: number;
  #last: { readonly time: number; readonly process: number; readonly idle: number };

  constructor(pid: number) {
    this.#pid = pid;
    this.#last = this.#read();
  }

  /** Since the last look. */
  look(): Load {
    const [last, now] = [this.#last, this.#read()];
    this.#last = now;
    const seconds = (now.time - last.time) / 1000;
    return {
      process: (now.process - last.process) / TICKS / seconds,
      idle: (now.idle - last.idle) / TICKS / seconds / os.cpus().length,
    };
  }

  #read(): { time: number; process: number; idle: number } {
    // Behind the name, which may hold blanks: utime and stime are the 14th and 15th of all fields.
    const stat = readFileSync(`/proc/${this.#pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const machine = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.split(/\s+/);
    return {
      time: sharedClock(),
      process: Number(fields[11]) + Number(fields[12]),
      idle: Number(machine[4]) + Number(machine[5]),
    };
  }
}

/** As a sentence, so that figures are taken for what they are. */
export function judge({ idle }: Load): string {
  const part = `${(100 * idle).toFixed(0)} % of the machine idle`;
  return idle < SCARCE ? `CPU was the limit: ${part}` : `CPU was not the limit: ${part}`;
}
