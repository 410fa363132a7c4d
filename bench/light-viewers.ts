/** The process of some light viewers. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cpuTime, serve, sharedClock } from './child.ts';
import { LightViewer, type LightViewerOptions, type Seen } from './light-viewer.ts';
import { load } from './tswebrtc.ts';

const { NodeSrtpSender } = await load('connection/srtp/node-srtp-sender');

export interface JoinRequest extends Omit<LightViewerOptions, 'srtpSender'> {
  readonly count: number;
  /** ms from one to the next */
  readonly interval: number;
}

export interface ViewersLoad {
  /** s of CPU since the start */
  readonly cpu: number;
  /** ms since the last look: how late the event loop was at most, and the 99th percentile */
  readonly longestDelay: number;
  readonly delay99: number;
}

/** ms; what of its delay is the histogram's own interval */
const RESOLUTION = 5;

const srtpSender = new NodeSrtpSender();
const viewers: LightViewer[] = [];
const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
delay.enable();

serve({
  /** Resolves when all of them asked for their session. */
  async join({ count, interval, ...options }: JoinRequest): Promise<void> {
    const start = sharedClock();
    const joining: Promise<LightViewer>[] = [];
    for (let i = 0; i < count; i++) {
      const wait = start + i * interval - sharedClock();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      joining.push(LightViewer.watch({ ...options, srtpSender }));
    }
    viewers.push(...(await Promise.all(joining)));
  },

  seen: (): Seen[] => viewers.map((viewer) => viewer.seen),

  load(): ViewersLoad {
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
    const load = { cpu: cpuTime(), longestDelay: late(delay.max), delay99: late(delay.percentile(99)) };
    delay.reset();
    return load;
  },

  async close(): Promise<void> {
    await Promise.all(viewers.map((viewer) => viewer.close()));
    srtpSender.close();
  },
});
