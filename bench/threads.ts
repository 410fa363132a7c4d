/** The threads of a process and the CPU time of each. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ThreadUse {
  /** s of CPU since the thread's start. */
  readonly cpu: number;
  /** How often it went on after it had waited. */
  readonly wakings: number;
}

/** Ids; the first thread's is the process's own. */
export function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

/** What each thread has used, by its id. */
export function threadUses(pid: number): Map<number, ThreadUse> {
  const uses = new Map<number, ThreadUse>();
  for (const tid of threadsOf(pid)) {
    try {
      const directory = `/proc/${pid}/task/${tid}`;
      // In ns, unlike `stat`, which tells ticks of 10 ms.
      const cpu = Number(readFileSync(`${directory}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
      const wakings = Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`${directory}/status`, 'utf8'))?.[1]);
      uses.set(tid, { cpu, wakings });
    } catch {
      // It ended meanwhile.
    }
  }
  return uses;
}
