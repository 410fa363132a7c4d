/**
 * How closely the video encoders follow their target: real encoders on media time, with a picture that needs the bits. Per codec
 * the rate after steps down and up, the size of a keyframe on demand, and the time a frame takes.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { atLeast, atMost, type Figure, info, report } from './report.ts';

interface Run {
  readonly time: number;
  readonly count: number;
  encodeTime: number;
  readonly frames: readonly { readonly time: number; readonly data: Uint8Array; readonly keyframe: boolean }[];
  setBitrate(bitrate: number): void;
  requestKeyframe(): void;
  encode(seconds: number): readonly { readonly data: Uint8Array; readonly keyframe: boolean }[];
  rate(from: number, to: number): number;
  rates(from: number, to: number, length: number): number[];
  close(): void;
}

/** What this needs of the driver of encoders, which is test code and no part of the build: it is loaded from its sources. */
interface Driver {
  readonly EncodeRun: {
    open(options: {
      codec: 'H264' | 'VP8';
      temporalLayers?: 1 | 2;
      width: number;
      height: number;
      bitrate: number;
    }): Promise<Run>;
  };
}

const ENCODERS = [
  { name: 'h264', codec: 'H264', temporalLayers: 1 },
  { name: 'vp8', codec: 'VP8', temporalLayers: 1 },
  { name: 'vp8_l1t2', codec: 'VP8', temporalLayers: 2 },
] as const;
const SIZES = [
  { width: 640, height: 360 },
  { width: 1280, height: 720 },
] as const;
/** kbit/s. The first is held until the encoder has settled; those of the bars come next. */
const FIRST = 2000;
const STEPS = [
  { target: 500, bar: true },
  { target: 3000, bar: true },
  { target: 8000, bar: false },
  { target: 1000, bar: false },
  { target: 100, bar: false },
  { target: 700, bar: false },
] as const;
const KEYFRAME_TARGETS = [150, 300, 500, 1000, 2000] as const;
/** Seconds. */
const SETTLE = 12;
/** libvpx begins to go by its average quantiser at the 150th frame of a layer, which is 5 s or, of two layers, 10 s after it opened. */
const EARLY = 8;
const HOLD = 4;
const WINDOW = 0.5;
/** From bench/dist/bench. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const DRIVER = 'packages/tswebrtc/src/media/encode-run.testing.ts';

export async function encoder(): Promise<void> {
  const { module } = await runnerImport<Driver>(`${root}${DRIVER}`, { root, configFile: false, logLevel: 'error' });
  const figures: Figure[] = [];
  for (const { name, codec, temporalLayers } of ENCODERS) {
    for (const { width, height } of SIZES) {
      const prefix = `encoder.${name}.${height}p`;
      const open = (): Promise<Run> => module.EncodeRun.open({ codec, temporalLayers, width, height, bitrate: FIRST * 1000 });
      let run = await open();
      figures.push(...measure(prefix, run, height < 720));
      run.close();
      run = await open();
      run.encode(EARLY);
      figures.push(...step(`${prefix}.early`, run, FIRST, STEPS[0].target, false));
      run.close();
    }
  }
  report('encoder', figures);
  console.log(
    '\nOf the target, in windows of 500 ms of media time: "after_500ms" the highest that begins 0.5 s after a step down or later, "by_1s" the one that ends 1 s after a step up, "least_later" the lowest after that.',
  );
}

function measure(prefix: string, run: Run, small: boolean): Figure[] {
  const figures: Figure[] = [];
  run.encode(SETTLE);
  figures.push(info(`${prefix}.ms_per_frame`, run.encodeTime / run.count, 'ms', `at ${FIRST} kbit/s`));
  let before: number = FIRST;
  for (const { target, bar } of STEPS) {
    figures.push(...step(prefix, run, before, target, bar));
    before = target;
  }
  for (const target of KEYFRAME_TARGETS) {
    run.setBitrate(target * 1000);
    run.encode(2);
    run.requestKeyframe();
    const frames = run.encode(1);
    const bytes = frames.find((frame) => frame.keyframe)?.data.length ?? Number.NaN;
    const worth = (bytes * 8) / target;
    const name = `${prefix}.keyframe_at_${target}`;
    figures.push(info(`${name}.bytes`, bytes, 'bytes'));
    figures.push(small ? atMost(`${name}.worth`, worth, 'ms of target', 300) : info(`${name}.worth`, worth, 'ms of target'));
  }
  return figures;
}

function step(prefix: string, run: Run, before: number, target: number, bar: boolean): Figure[] {
  const name = `${prefix}.${before}_to_${target}`;
  const from = run.time;
  run.setBitrate(target * 1000);
  const frames = run.encode(HOLD).length;
  const share = (rate: number): number => rate / (target * 1000);
  const reason = `mean ${share(run.rate(from + 1, from + HOLD)).toFixed(2)}, ${frames} of ${HOLD * 30} frames`;
  if (target < before) {
    const most = share(Math.max(...run.rates(from + 0.5, from + HOLD - WINDOW, WINDOW)));
    return [
      info(`${name}.first_500ms`, share(run.rate(from, from + 0.5)), 'x target', 'on the way'),
      bar ? atMost(`${name}.after_500ms`, most, 'x target', 1.15) : info(`${name}.after_500ms`, most, 'x target', reason),
    ];
  }
  const then = share(run.rate(from + 0.5, from + 1));
  const least = share(Math.min(...run.rates(from + 1, from + HOLD - WINDOW, WINDOW)));
  return [
    bar ? atLeast(`${name}.by_1s`, then, 'x target', 0.85) : info(`${name}.by_1s`, then, 'x target', 'no bar'),
    info(`${name}.least_later`, least, 'x target', reason),
  ];
}
