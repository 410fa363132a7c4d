/** `tswebrtc play` in a window of a virtual screen: what a person would see, as a picture. `npm run interop`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CommandProcess } from './command-process.ts';

const has = (program: string): boolean => spawnSync('which', [program]).status === 0;
const missing = ['Xvfb', 'import'].filter((program) => !has(program));

const children: ChildProcess[] = [];
let directory: string;
beforeEach(async (context) => {
  if (missing.length > 0) return context.skip(`peer not available: ${missing.join(', ')}`);
  directory = await mkdtemp(join(tmpdir(), 'tswebrtc-play-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGTERM');
  if (directory) await rm(directory, { recursive: true, force: true });
});

it.each<[player: string, program: string]>([
  ['ffplay', 'ffplay'],
  ['gstreamer', 'gst-launch-1.0'],
])(
  'shows the stream by %s',
  async (player, program) => {
    if (!has(program)) return console.log(`peer not available: ${program}`);
    const screen = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x720x24'], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(screen);
    const display = await new Promise<string>((resolve) =>
      screen.stdout.once('data', (text) => resolve(`:${String(text).trim()}`)),
    );
    // GStreamer waits for a sound card, which a machine for tests has not.
    const sound = player === 'ffplay' ? ['tone'] : [];
    const sink = await CommandProcess.startSink(['testsrc:width=640,height=360', ...sound]);
    children.push(sink.child);
    process.env.DISPLAY = display;
    process.env.SDL_AUDIODRIVER = 'dummy';
    const play = new CommandProcess(['play', '--json', sink.signallingUri, '--stun-server', 'none', '--player', player]);
    children.push(play.child);
    await play.event('playing');
    const file = process.env.TSWEBRTC_SCREENSHOT
      ? `${process.env.TSWEBRTC_SCREENSHOT}-${player}.png`
      : join(directory, 'window.png');
    // The colour bars: a column of each colour somewhere on the screen.
    const colours = (): number => {
      spawnSync('import', ['-display', display, '-window', 'root', file]);
      const { stdout } = spawnSync('convert', [file, '-resize', '64x36!', '-depth', '8', 'txt:-'], { encoding: 'utf8' });
      const strong = (hex: string): string => (Number.parseInt(hex, 16) > 100 ? '1' : '0');
      const seen = new Set([...stdout.matchAll(/#(..)(..)(..)/g)].map(([, r, g, b]) => strong(r!) + strong(g!) + strong(b!)));
      return seen.size;
    };
    await expect.poll(colours, { timeout: 20_000, interval: 500 }).toBeGreaterThanOrEqual(7);
    play.child.kill('SIGINT');
    expect((await play.exit).code, play.stderr).toBe(0);
  },
  60_000,
);
