/** A sound file of several channels, each with a tone of its own, so that whoever hears it can tell which is which. */
import { writeFile } from 'node:fs/promises';

const SAMPLE_RATE = 48_000;
/** Speaker positions of WAVE: left, right, centre, woofer, back left, back right, side left, side right. */
const MASKS: Readonly<Record<number, number>> = { 1: 0x4, 2: 0x3, 6: 0x3f, 8: 0x63f };

/**
 * Low enough for telephony, that of the woofer for a woofer. All are multiples of the first: a receiver that keeps pace leaves out or
 * repeats whole periods of the first channel, which cuts the others to pieces where they do not fit in.
 */
const TONES = [80, 240, 320, 160, 400, 480, 560, 640];

/** Hz, of channel `index`: whole periods in a second. */
export const toneOf = (index: number): number => TONES[index]!;

/** Writes a WAVE file of whole seconds. */
export async function makeSurroundFile(path: string, channels: 1 | 2 | 6 | 8, seconds = 2): Promise<void> {
  const samples = Buffer.alloc(seconds * SAMPLE_RATE * channels * 2);
  for (let i = 0; i < samples.length / 2; i++) {
    const time = Math.floor(i / channels) / SAMPLE_RATE;
    samples.writeInt16LE(Math.round(9000 * Math.sin(2 * Math.PI * toneOf(i % channels) * time)), 2 * i);
  }
  const header = Buffer.alloc(68);
  header.write('RIFF', 0);
  header.writeUInt32LE(60 + samples.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(40, 16);
  header.writeUInt16LE(0xfffe, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.writeUInt16LE(22, 36);
  header.writeUInt16LE(16, 38);
  header.writeUInt32LE(MASKS[channels]!, 40);
  Buffer.from('0100000000001000800000aa00389b71', 'hex').copy(header, 44);
  header.write('data', 60);
  header.writeUInt32LE(samples.length, 64);
  await writeFile(path, Buffer.concat([header, samples]));
}
