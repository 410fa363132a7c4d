/** A bottleneck with both directions, the flows that cross it, and what was seen at it. */
import { Clock } from './clock.testing.ts';
import { Link, type LinkOptions } from './link.testing.ts';
import { MediaFlow, type MediaFlowOptions } from './media-flow.testing.ts';
import { Random } from './random.testing.ts';
import { TcpFlow, type TcpFlowOptions } from './tcp-flow.testing.ts';

/** RFC 8867 §4: one-way propagation delay, tail-drop queue, ms; jitter of at most 30 ms (RFC 8868 §4.5.1: deviation 5 ms). */
export const PROPAGATION = 50;
export const QUEUE_TIME = 300;
export const JITTER = 5;
/** A direction that is no bottleneck, bit/s. */
const AMPLE = 100_000_000;

type Given = 'forward' | 'backward' | 'propagation' | 'start';

export class Network {
  readonly clock = new Clock();
  readonly random: Random;
  readonly forward: Link;
  readonly backward: Link;
  readonly media: MediaFlow[] = [];
  readonly tcp: TcpFlow[] = [];
  /** Queueing delay of each packet in the forward direction, ms, with the time it left the queue. */
  readonly delays: { readonly time: number; readonly delay: number }[] = [];

  constructor(seed: number, forward: Partial<LinkOptions> & Pick<LinkOptions, 'capacity'>, backward?: Partial<LinkOptions>) {
    this.random = new Random(seed);
    const common = { queueTime: QUEUE_TIME, jitter: JITTER };
    this.forward = new Link(this.clock, new Random(seed * 7 + 1), { ...common, ...forward });
    this.backward = new Link(this.clock, new Random(seed * 7 + 2), {
      ...common,
      capacity: [{ from: 0, capacity: AMPLE }],
      ...backward,
    });
    this.forward.onDequeue = (packet, time) => this.delays.push({ time, delay: packet.queued });
  }

  addMedia(options: Partial<MediaFlowOptions> = {}): MediaFlow {
    const flow = new MediaFlow(this.clock, new Random(this.random.next() * 0xffffffff), {
      forward: this.forward,
      backward: this.backward,
      propagation: PROPAGATION,
      start: 0,
      ...options,
    });
    this.media.push(flow);
    return flow;
  }

  addTcp(options: Partial<TcpFlowOptions> & Partial<Pick<TcpFlowOptions, Given & keyof TcpFlowOptions>> = {}): TcpFlow {
    const flow = new TcpFlow(this.clock, {
      forward: this.forward,
      backward: this.backward,
      propagation: PROPAGATION,
      start: 0,
      ...options,
    });
    this.tcp.push(flow);
    return flow;
  }

  run(duration: number): this {
    this.clock.run(duration);
    return this;
  }
}
