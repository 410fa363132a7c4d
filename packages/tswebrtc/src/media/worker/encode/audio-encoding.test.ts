import { afterEach, describe, expect, it } from 'vitest';
import { PacketArena } from '../../../rtp/packet-arena.ts';
import { OpusPacketiser } from '../../../rtp/packetisers/opus.ts';
import { decodeAudio, strengthAt } from '../../decode.testing.ts';
import type { EncodingOptions } from '../../types.ts';
import { addWithResolvers } from '../with-resolvers.ts';
import type { AudioEncoding } from './audio-encoding.ts';
import type { RawFrame } from './inlet.ts';

addWithResolvers();
const { AudioEncoding: Encoding } = await import('./audio-encoding.ts');

const SAMPLES = 960;
const FRAME_US = 20_000;

interface Packet {
  readonly data: Uint8Array;
  readonly timestamp: number;
}

let encoding: AudioEncoding | undefined;
let packets: Packet[];
let frames = 0;
afterEach(() => {
  encoding?.close();
  frames = 0;
});

async function open(options: Partial<EncodingOptions> = {}): Promise<void> {
  packets = [];
  encoding = await Encoding.open({ codec: 'OPUS', bitrate: 48_000, ...options }, 2, {
    write(data, _, { timestamp }) {
      packets.push({ data: data.slice(), timestamp });
      return true;
    },
    failed(error) {
      throw error;
    },
  });
}

/** Encodes frames of 20 ms of a sine, or of silence; returns the packets they made. */
function play(count: number, frequency: number): Packet[] {
  const before = packets.length;
  for (let i = 0; i < count; i++, frames++) {
    const data = new Uint8Array(new SharedArrayBuffer(SAMPLES * 2 * 4));
    const samples = new Float32Array(data.buffer);
    for (let k = 0; k < SAMPLES; k++) {
      const value = frequency ? 0.3 * Math.sin(((frames * SAMPLES + k) * 2 * Math.PI * frequency) / 48_000) : 0;
      samples[2 * k] = samples[2 * k + 1] = value;
    }
    const timestamp = frames * FRAME_US;
    const frame: RawFrame = {
      type: 'frame',
      slot: 0,
      sequence: frames,
      timestamp,
      duration: FRAME_US,
      captureTime: timestamp / 1000,
      samples: SAMPLES,
      data,
      format: { kind: 'audio', channels: 2 },
      release() {},
    };
    encoding!.take(frame);
  }
  return packets.slice(before);
}

const bytes = (list: readonly Packet[]): number => list.reduce((sum, { data }) => sum + data.length, 0);

describe('an Opus encoding with dtx', () => {
  it('makes next to nothing of silence, and the time is right when sound comes back', async () => {
    await open({ dtx: true });
    const sound = play(50, 440);
    play(25, 0);
    const silence = play(100, 0);
    const back = play(50, 440);
    expect(sound).toHaveLength(50);
    // A sign of life every 400 ms.
    expect(silence.length).toBeLessThanOrEqual(6);
    expect(silence.length).toBeGreaterThanOrEqual(4);
    expect(bytes(silence) * 8).toBeLessThan(0.02 * 2 * 48_000);
    expect(back).toHaveLength(50);
    expect(back[0]!.timestamp).toBe(175 * FRAME_US);
    expect(strengthAt((await decodeAudio(back)).subarray(9600), 440)).toBeGreaterThan(0.25);
    expect(encoding!.counters.framesDropped).toBe(0);
  });

  it('has the packetiser mark where sound begins anew, at the timestamp it has', async () => {
    await open({ dtx: true });
    play(50, 440);
    play(90, 0);
    play(20, 440);
    const packetiser = new OpusPacketiser();
    const arena = new PacketArena(1 << 20);
    const sent = packets.map(({ data, timestamp }) => {
      const times = { timestamp, captureTime: 0, duration: FRAME_US };
      return packetiser.packetise({ data, ...times, keyframe: true, temporalLayer: 0 }, arena)!;
    });
    const begin = sent.findIndex(({ timestamp }) => timestamp === 140 * SAMPLES);
    expect(sent[0]!.marker).toBe(true);
    expect(sent[begin]!.marker).toBe(true);
    expect(sent.slice(1, 50).some(({ marker }) => marker)).toBe(false);
    expect(sent.slice(begin + 1).some(({ marker }) => marker)).toBe(false);
  });
});

describe('an Opus encoding without dtx', () => {
  it('makes a packet of every frame, silent or not', async () => {
    await open();
    play(20, 440);
    expect(play(100, 0)).toHaveLength(100);
    packets.forEach(({ timestamp }, i) => {
      expect(timestamp).toBe(i * FRAME_US);
    });
  });
});

describe('in-band FEC', () => {
  /** LBRR flag of a SILK or hybrid frame (RFC 6716 §4.2.3, §4.2.4): after the VAD flag of the mono or mid channel. */
  const hasFec = (data: Uint8Array): boolean => data[0]! >> 3 < 16 && (data[1]! & 0x40) !== 0;
  const voice = (): Packet[] => {
    // Voices rise and fall; a steady tone would be coded as music.
    for (let i = 0; i < 60; i++) play(2, 120 + (i % 7) * 15);
    return packets.slice(20);
  };

  it('is in the packets by default, at rates at which Opus has it', async () => {
    await open({ bitrate: 20_000, expectedLoss: 20 });
    expect(voice().filter(({ data }) => hasFec(data)).length).toBeGreaterThan(10);
  });

  it('is not when it is not asked for', async () => {
    await open({ bitrate: 20_000, expectedLoss: 20, inbandFec: false });
    expect(voice().filter(({ data }) => hasFec(data))).toHaveLength(0);
  });
});
