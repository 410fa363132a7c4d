/** What a viewer of a test file sees and hears, for tests: when the picture flashes and when it beeps. */
import { decodeAudio, decodeVideo } from './decode.testing.ts';
import type { FrameLog, LoggedFrame } from './frame-log.testing.ts';

/** Capture times (ms) at which the picture turns white. */
export async function flashes(log: FrameLog): Promise<number[]> {
  const pictures = await decodeVideo('VP8', log.frames);
  const bright = pictures.map(({ luma, stride, width, height }) => luma[(height >> 1) * stride + (width >> 1)]! > 150);
  return log.frames.filter((_, i) => bright[i] && !bright[i - 1]).map((frame) => frame.captureTime);
}

/** Capture times (ms) at which a beep begins. */
export async function beeps(log: FrameLog): Promise<number[]> {
  const samples = await decodeAudio(log.frames);
  const times: number[] = [];
  let silence = Number.POSITIVE_INFINITY;
  for (const [i, sample] of samples.entries()) {
    if (Math.abs(sample) > 0.2) {
      if (silence > 12_000) times.push(log.frames[0]!.captureTime + i / 48);
      silence = 0;
    } else {
      silence++;
    }
  }
  return times;
}

/** How unevenly frames came: half of them came further than this from their time, as the other frames have it, ms. */
export function unevenness(frames: readonly LoggedFrame[]): { lag: number; deviation: number } {
  const lags = frames.map(({ receivedAt, captureTime }) => receivedAt - captureTime);
  const lag = median(lags);
  return { lag, deviation: median(lags.map((each) => Math.abs(each - lag))) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
