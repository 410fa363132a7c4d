/** What this process holds on to, for long runs that look for what grows. */

const MEGABYTE = 1 << 20;

export interface Footprint {
  /** MB, after a collection. */
  readonly heap: number;
  readonly rss: number;
  /** Timers, sockets, threads. */
  readonly resources: number;
}

export async function footprint(): Promise<Footprint> {
  // What is closed lets go a moment later.
  await new Promise((resolve) => setTimeout(resolve, 300));
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heap: (heapUsed + external) / MEGABYTE,
    rss: rss / MEGABYTE,
    resources: process.getActiveResourcesInfo().length,
  };
}
