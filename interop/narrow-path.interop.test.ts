/**
 * A film with large keyframes, passed on as it is over a path too narrow for it, to a real Chromium: what cannot be sent is left out, and
 * there is a picture all the same. `npm run interop -- narrow-path`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openPageOn, type RemotePage } from '../bench/network/chromium-on.ts';
import { NetworkLab, networkMissing } from '../bench/network/network-lab.ts';
import { chromiumMissing } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { figuresOf, type PlayerPage, servePlayerPage, watchFirst } from './player-page.ts';

/** bit/s: a keyframe of the film takes about a second and a half of the path, the film four times what it carries. */
const FILM = 2_500_000;
const NARROW = 600_000;
/** s between two keyframes. */
const GROUP = 2;

process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
const missing = networkMissing() ?? chromiumMissing();
let folder: string;
let film: string;
let lab: NetworkLab;
let player: PlayerPage;
let sink: CommandProcess | undefined;
let remote: RemotePage | undefined;

beforeAll(async () => {
  if (missing) return;
  folder = mkdtempSync(join(tmpdir(), 'narrow-path-'));
  film = join(folder, 'film.mp4');
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30,noise=alls=9:allf=t', '-t', String(10 * GROUP)];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', String(30 * GROUP), '-pix_fmt', 'yuv420p'];
  const rate = ['-b:v', String(FILM), '-maxrate', String(FILM), '-bufsize', String(FILM)];
  execFileSync('ffmpeg', ['-loglevel', 'error', ...source, ...x264, ...rate, film]);
  lab = new NetworkLab();
  player = await servePlayerPage();
});
beforeEach((context) => {
  if (missing) context.skip(missing);
});
afterAll(async () => {
  await remote?.close();
  await sink?.stop();
  await player?.close();
  lab?.remove();
  if (folder) rmSync(folder, { recursive: true });
});

it('shows a picture from time to time, however large its keyframes are', async () => {
  lab.setRate(NARROW);
  const { namespace, address } = lab.producer;
  const servers = ['--run-signalling-server', '--signalling-server-host', address, '--signalling-server-port', '8443'];
  const media = [film, '--loop', '--passthrough', 'always', '--video-codecs', 'H264', '--stun-server', 'none'];
  sink = new CommandProcess(['sink', '--json', ...servers, ...media], ['ip', 'netns', 'exec', namespace]);
  await sink.event('registered');
  remote = await openPageOn(lab.viewer, player.url);
  await watchFirst(remote.page, `ws://${address}:8443`);
  await pause(10);
  const before = (await figuresOf(remote.page)).video!;
  await pause(20);
  const after = (await figuresOf(remote.page)).video!;
  const frames = after.framesDecoded - before.framesDecoded;
  console.log(
    `${frames} frames decoded in 20 s of a path of ${NARROW / 1000} kbit/s, ${after.keyFramesDecoded - before.keyFramesDecoded} of them keyframes`,
  );
  // A keyframe in each two groups at least: the path carries one in about each.
  expect(after.keyFramesDecoded - before.keyFramesDecoded).toBeGreaterThanOrEqual(20 / GROUP / 2);
});

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
