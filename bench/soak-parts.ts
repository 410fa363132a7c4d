/** Garbage for a receiver: packets of any kind, changed, cut, repeated and out of order, from a seed. */
import { load } from './tswebrtc.ts';

const VP8 = 96;
const RTX = 97;
const RED = 98;
const ULPFEC = 99;
const OPUS = 111;

export interface GarbageReceiver {
  readonly thrown: number;
  /** One packet more. */
  step(): void;
  /** A clean stream: how many frames were sent, and how many came out. */
  stream(): { sent: number; got: number };
  close(): void;
}

/** Loads what it needs of the library. */
export async function loadPart(): Promise<{ GarbageReceiver: { create(seed: number): Promise<GarbageReceiver> } }> {
  const { RtpReception } = await load('connection/rtp-reception');
  const { RtpReceiver } = await load('connection/rtp-receiver');
  const { parseRtcp, writeRtcp } = await load('rtp/rtcp/rtcp');
  // Its inner doors are not in the types that the build leaves.
  type Inner = InstanceType<typeof RtpReceiver> & {
    configure(codecs: object[], sources: object[], active: boolean): void;
    close(): void;
  };

  class Receiver implements GarbageReceiver {
    thrown = 0;
    #state: number;
    #now = 1000;
    #frames = 0;
    #ssrc = 0x1000;
    readonly #sequence = new Map<number, number>();
    readonly #video = new RtpReceiver('video') as Inner;
    readonly #audio = new RtpReceiver('audio') as Inner;
    readonly #reception = new RtpReception({
      cname: 'soak',
      receivers: () => [this.#video, this.#audio],
      extensions: () => ({ transportCc: 3, mid: 4 }),
      roundTripTime: () => 50,
      send: () => {},
    });

    private constructor(seed: number) {
      this.#state = seed;
      const common = { fmtp: {}, rtcpFeedback: ['nack', 'nack pli', 'transport-cc'] };
      const video = {
        ...common,
        name: 'VP8',
        payloadType: VP8,
        clockRate: 90_000,
        rtxPayloadType: RTX,
        redPayloadType: RED,
        ulpfecPayloadType: ULPFEC,
      };
      const audio = { ...common, name: 'opus', payloadType: OPUS, clockRate: 48_000, channels: 2 };
      this.#video.configure([video], [], true);
      this.#audio.configure([audio], [], true);
      this.#video.on('frame', () => this.#frames++);
    }

    static async create(seed: number): Promise<Receiver> {
      return new Receiver(seed);
    }

    step(): void {
      this.#now += this.#random() * 2;
      try {
        if (this.#random() < 0.1) this.#reception.handle(parseRtcp(this.#rtcp()) ?? [], this.#now);
        else this.#reception.receive(this.#rtp(), this.#now);
      } catch (error) {
        if (this.thrown++ < 3) console.error(error);
      }
    }

    stream(): { sent: number; got: number } {
      const sent = 300;
      this.#ssrc = 0x7777;
      this.#frames = 0;
      for (let i = 0; i < sent; i++) {
        this.#now += 33;
        // A VP8 payload descriptor of one byte, and a frame that is one packet; the first is a keyframe.
        const frame = [0x10, i === 0 ? 0x10 : 0x11, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 1, 2, 3];
        this.#reception.receive(packet(VP8, 20_000 + i, i * 3000, this.#ssrc, true, Uint8Array.from(frame)), this.#now);
      }
      return { sent, got: this.#frames };
    }

    close(): void {
      this.#reception.stop();
      this.#video.close();
      this.#audio.close();
    }

    /** mulberry32 */
    #random(): number {
      this.#state = (this.#state + 0x6d2b79f5) | 0;
      let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }

    #rtp(): Uint8Array {
      const payload = Uint8Array.from({ length: this.#random() * 60 }, () => this.#random() * 256);
      const type = [VP8, VP8, VP8, RTX, RED, RED, ULPFEC, OPUS, 5][Math.floor(this.#random() * 9)]!;
      if (this.#random() < 0.002) this.#ssrc = Math.floor(this.#random() * 2 ** 32);
      const ssrc = (this.#ssrc + (type === OPUS ? 1 : type === RTX ? 2 : 0)) >>> 0;
      const next = (this.#sequence.get(type) ?? 0) + 1;
      const leap = this.#random() < 0.02 ? this.#random() * 65_536 : this.#random() < 0.2 ? -this.#random() * 20 : 0;
      this.#sequence.set(type, this.#random() < 0.01 ? Math.floor(this.#random() * 65_536) : next);
      const bytes = packet(type, (next + leap) & 0xffff, this.#now * 90, ssrc, this.#random() < 0.4, payload);
      return this.#damage(bytes);
    }

    #rtcp(): Uint8Array {
      const bytes = writeRtcp([
        {
          type: 'sr',
          ssrc: this.#ssrc,
          ntpTime: BigInt(Math.floor(this.#random() * 2 ** 50)),
          rtpTimestamp: 5,
          packetCount: 1,
          octetCount: 1,
          reports: [],
        },
        { type: 'bye', ssrcs: [this.#random() < 0.01 ? this.#ssrc : 1], reason: '' },
      ] as never);
      return this.#damage(bytes);
    }

    #damage(bytes: Uint8Array): Uint8Array {
      const kind = this.#random();
      if (kind < 0.2) for (let i = 0; i < 4; i++) bytes[Math.floor(this.#random() * bytes.length)] = this.#random() * 256;
      if (kind > 0.9) return bytes.subarray(0, this.#random() * bytes.length);
      return bytes;
    }
  }
  return { GarbageReceiver: Receiver };
}

function packet(
  type: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
  marker: boolean,
  payload: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(12 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | type;
  view.setUint16(2, sequence);
  view.setUint32(4, timestamp % 2 ** 32);
  view.setUint32(8, ssrc);
  bytes.set(payload, 12);
  return bytes;
}
