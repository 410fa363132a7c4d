/**
 * The viewers of the fan-out benchmark, as light as they can be: they count the sequence numbers that stand in the clear,
 * decrypt a seeded twentieth, and all send real transport-wide feedback.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { SrtcpProtector, SrtpReceiver } from '../packages/tswebrtc/dist/connection/srtp/srtp-context.js';
import { cpuTime, serve, sharedClock } from './child.ts';
import { DELAY_STEP, viewerKeys, viewerSsrc } from './fanout-viewer.ts';
import { load } from './tswebrtc.ts';

/** As often as Chromium at this rate, ms. */
const FEEDBACK_INTERVAL = 100;
/** Longest run of packets that one feedback message may cover. */
const MOST_PACKETS = 512;
/** How many steps the histogram of delays has. */
const DELAY_STEPS = 10_000;
/** Where the sender's templates have the transport-wide number, behind the element's first byte. */
const TRANSPORT_NUMBER_OFFSET = 17;

const { SrtpReceiver: Receiver, SrtcpProtector: Protector } = await load('connection/srtp/srtp-context');
const { writeRtcp } = await load('rtp/rtcp/rtcp');
const { NOT_RECEIVED } = await load('rtp/rtcp/twcc');

export interface ReceiverFigures {
  readonly packets: number;
  /** Packets that did not come, and viewers that missed any. */
  readonly missing: number;
  readonly incompleteViewers: number;
  /** Of the twentieth that is decrypted: how many, and how many were not authentic. */
  readonly decrypted: number;
  readonly undecryptable: number;
  readonly framesPerViewer: number;
  /** Counts of the delays of frames' last packets, in steps of `DELAY_STEP`. */
  readonly delays: number[];
  readonly feedback: number;
  /** Part of a core that the viewers themselves took. */
  readonly cpu: number;
}

class Viewer {
  readonly index: number;
  readonly socket: Socket;
  readonly #receiver: SrtpReceiver;
  readonly #protector: SrtcpProtector;
  #port = 0;
  #highest = -1;
  /** In the window: first and highest extended sequence number, packets, frames. */
  #first = -1;
  packets = 0;
  frames = 0;
  decrypted = 0;
  undecryptable = 0;
  feedback = 0;
  readonly #arrivals = new Float64Array(MOST_PACKETS);
  #feedbackBase = -1;
  #feedbackNext = 0;
  #feedbackCount = 0;

  constructor(index: number, socket: Socket) {
    this.index = index;
    this.socket = socket;
    const media = viewerKeys(index, 'media');
    const feedback = viewerKeys(index, 'feedback');
    this.#receiver = new Receiver(media.profile, media.masterKey, media.masterSalt);
    this.#protector = new Protector(feedback.profile, feedback.masterKey, feedback.masterSalt);
    socket.on('message', (datagram, from) => this.#receive(datagram, from.port));
  }

  /** Begins to count anew. */
  begin(): void {
    this.#first = -1;
    this.packets = this.frames = this.decrypted = this.undecryptable = this.feedback = 0;
  }

  get missing(): number {
    return this.#first < 0 ? 0 : this.#highest - this.#first + 1 - this.packets;
  }

  #receive(datagram: Buffer, port: number): void {
    if (datagram.length < 24 || (datagram[1]! >= 200 && datagram[1]! <= 207)) return;
    this.#port = port;
    const sequenceNumber = (datagram[2]! << 8) | datagram[3]!;
    if (this.#highest < 0) this.#highest = sequenceNumber - 1;
    const extended = this.#highest + (((sequenceNumber - this.#highest) << 16) >> 16);
    if (extended > this.#highest) this.#highest = extended;
    if (this.#first < 0) this.#first = extended;
    this.packets++;
    const now = sharedClock();
    this.#noteArrival((datagram[TRANSPORT_NUMBER_OFFSET]! << 8) | datagram[TRANSPORT_NUMBER_OFFSET + 1]!, now);
    if (datagram[1]! & 0x80) {
      this.frames++;
      // The sender's timestamps are those of its schedule.
      const delay = now - start - datagram.readUInt32BE(4) / 90;
      delays[Math.min(DELAY_STEPS - 1, Math.max(0, Math.round(delay / DELAY_STEP)))]!++;
    }
    if (((sequenceNumber * 0x9e3779b1 + this.index) >>> 0) % 20 === 0) {
      this.decrypted++;
      if (!this.#receiver.unprotectRtp(datagram)) this.undecryptable++;
    }
  }

  #noteArrival(number: number, now: number): void {
    if (this.#feedbackBase < 0) {
      this.#feedbackBase = this.#feedbackNext = number;
      this.#arrivals.fill(Number.NaN);
    }
    const at = (number - this.#feedbackBase) & 0xffff;
    if (at >= MOST_PACKETS) return;
    this.#arrivals[at] = now;
    if (((number - this.#feedbackNext) & 0xffff) < 0x8000) this.#feedbackNext = (number + 1) & 0xffff;
  }

  sendFeedback(): void {
    if (this.#feedbackBase < 0 || this.#port === 0) return;
    const count = (this.#feedbackNext - this.#feedbackBase) & 0xffff;
    const reference = Math.floor(this.#arrivals[0]! / 64);
    const arrivals = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const arrival = this.#arrivals[i]!;
      arrivals[i] = Number.isNaN(arrival) ? NOT_RECEIVED : Math.round((arrival - reference * 64) * 4);
    }
    const compound = writeRtcp([
      {
        type: 'transport-cc',
        senderSsrc: 1,
        mediaSsrc: viewerSsrc(this.index),
        baseSequenceNumber: this.#feedbackBase,
        referenceTime: reference & 0x7fffff,
        feedbackPacketCount: this.#feedbackCount++ & 0xff,
        arrivals,
      },
    ]);
    this.#feedbackBase = -1;
    const datagram = this.#protector.protect(compound);
    if (datagram) this.socket.send(datagram, this.#port, '127.0.0.1');
    this.feedback++;
  }
}

const delays = new Uint32Array(DELAY_STEPS);
let viewers: Viewer[] = [];
let start = 0;
let began = { time: 0, cpu: 0 };
let timer: NodeJS.Timeout | undefined;
let slice = 0;

/** Feedback of a tenth of the viewers at a time, as it is when each began at another moment. */
function feedback(): void {
  for (let i = slice; i < viewers.length; i += 10) viewers[i]!.sendFeedback();
  slice = (slice + 1) % 10;
}

serve({
  /** Opens sockets for `count` viewers; answers with their ports. */
  async open(count: number): Promise<number[]> {
    const sockets = Array.from({ length: count }, () => createSocket({ type: 'udp4', recvBufferSize: 1 << 20 }));
    await Promise.all(
      sockets.map((socket) => {
        socket.bind(0, '127.0.0.1');
        return once(socket, 'listening');
      }),
    );
    viewers = sockets.map((socket, i) => new Viewer(i, socket));
    timer = setInterval(feedback, FEEDBACK_INTERVAL / 10);
    return sockets.map((socket) => socket.address().port);
  },

  /** `at`: when the sender's timestamps began, on the shared clock. */
  begin(at: number): void {
    start = at;
    delays.fill(0);
    for (const viewer of viewers) viewer.begin();
    began = { time: sharedClock(), cpu: cpuTime() };
  },

  figures(): ReceiverFigures {
    const sum = (of: (viewer: Viewer) => number): number => viewers.reduce((total, viewer) => total + of(viewer), 0);
    const last = delays.findLastIndex((count) => count > 0);
    return {
      packets: sum((viewer) => viewer.packets),
      missing: sum((viewer) => viewer.missing),
      incompleteViewers: viewers.filter((viewer) => viewer.missing > 0).length,
      decrypted: sum((viewer) => viewer.decrypted),
      undecryptable: sum((viewer) => viewer.undecryptable),
      framesPerViewer: sum((viewer) => viewer.frames) / viewers.length,
      delays: [...delays.subarray(0, last + 1)],
      feedback: sum((viewer) => viewer.feedback),
      cpu: (cpuTime() - began.cpu) / ((sharedClock() - began.time) / 1000),
    };
  },

  close(): void {
    clearInterval(timer);
    for (const { socket } of viewers) socket.close();
    viewers = [];
  },
});
