/** The threads of a process and the CPU time of each. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc. */
const TICKS = 100;

/** Ids; the first thread's is the process's own. */
export function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

/** s of CPU since each thread's start, by its id. */
export function threadTimes(pid: number): Map<number, number> {
  const times = new Map<number, number>();
  for (const tid of threadsOf(pid)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
      // Behind the name, which may hold blanks: utime and stime are the 14th and 15th of all fields.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      times.set(tid, (Number(fields[11]) + Number(fields[12])) / TICKS);
    } catch {
      // It ended meanwhile.
    }
  }
  return times;
}
