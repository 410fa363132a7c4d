/** The measured process of the feedback benchmark: from the socket to the estimate, as in a session. */
import { cpuTime, serve, sharedClock } from './child.ts';
import { viewerKeys } from './fanout-viewer.ts';
import { INTERVAL, PACKET_SIZE, PACKETS, schedule, takeTurn } from './feedback-schedule.ts';
import { load } from './tswebrtc.ts';

const { CongestionController } = await load('congestion/congestion-controller');
const { RtcpSession } = await load('connection/rtcp-session');
const { SrtpReceiver } = await load('connection/srtp/srtp-context');
const { UdpPort } = await load('connection/transport/udp-port');

const BITRATE = 2_000_000;

export interface FeedbackFigures {
  /** s. */
  readonly duration: number;
  /** CPU, without what it took to remember the packets that are reported on. */
  readonly cpu: number;
  readonly messages: number;
  readonly expected: number;
  /** The estimate of the first viewer, bit/s: it shows that there was one. */
  readonly estimate: number;
}

type Port = Awaited<ReturnType<typeof UdpPort.bind>>;
type Controller = InstanceType<typeof CongestionController>;

let ports: Port[] = [];
let controllers: Controller[] = [];
let messages = 0;
let expected = 0;
let remembering = 0;
let stop: (() => void) | undefined;

async function openViewer(viewer: number): Promise<void> {
  const port = await UdpPort.bind('127.0.0.1');
  const { profile, masterKey, masterSalt } = viewerKeys(viewer, 'feedback');
  const receiver = new SrtpReceiver(profile, masterKey, masterSalt);
  const controller = new CongestionController({
    startBitrate: BITRATE,
    minBitrate: BITRATE / 4,
    maxBitrate: BITRATE * 2,
    now: performance.now(),
  });
  const rtcp = new RtcpSession({
    cname: 'feedback',
    senders: () => [],
    send: () => {},
    onTransportFeedback: ({ baseSequenceNumber, arrivals, referenceTime }, arrival) => {
      messages++;
      controller.feedback({ baseSequence: baseSequenceNumber, arrivals, referenceTime }, arrival);
      controller.process(arrival);
    },
  });
  port.onData = (datagram) => {
    const compound = receiver.unprotectRtcp(datagram);
    if (compound) rtcp.receive(compound, performance.now());
  };
  ports[viewer] = port;
  controllers[viewer] = controller;
}

serve({
  /** Sockets for `count` viewers; answers with their ports. */
  async open(count: number): Promise<number[]> {
    ports = new Array(count);
    controllers = new Array(count);
    await Promise.all(Array.from({ length: count }, (_, viewer) => openViewer(viewer)));
    return ports.map((port) => port.address.port);
  },

  /** Remembers packets as sent, each turn a little before the viewers report on them. */
  start(at: number): void {
    const lead = sharedClock() - performance.now();
    stop = schedule(at - INTERVAL / 2, sharedClock, (turn) => {
      const before = performance.now();
      takeTurn(turn, ports.length, (viewer, round) => {
        for (let i = 0; i < PACKETS; i++) {
          const sent = at - lead - INTERVAL + round * INTERVAL + Math.floor(i / 7) * (INTERVAL / 3) + (i % 7) * 2;
          controllers[viewer]!.packetSent((round * PACKETS + i) & 0xffff, PACKET_SIZE, sent);
        }
        expected++;
      });
      remembering += performance.now() - before;
    });
  },

  /** What happens in `duration` s from now. */
  async observe(duration: number): Promise<FeedbackFigures> {
    const before = { time: sharedClock(), cpu: cpuTime(), messages, expected, remembering };
    await new Promise((resolve) => setTimeout(resolve, 1000 * duration));
    return {
      duration: (sharedClock() - before.time) / 1000,
      cpu: cpuTime() - before.cpu - (remembering - before.remembering) / 1000,
      messages: messages - before.messages,
      expected: expected - before.expected,
      estimate: controllers[0]!.target.bitrate,
    };
  },

  async stop(): Promise<void> {
    stop?.();
    await Promise.all(ports.map((port) => port.close()));
  },
});
