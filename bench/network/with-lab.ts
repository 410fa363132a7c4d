/** What both benchmarks on a real link need around them: a laboratory, the player page, and the picture's file. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromiumPath } from '../../interop/chromium.ts';
import { servePlayerPage } from '../../interop/player-page.ts';
import { makeMovingPicture } from './moving-picture.ts';
import { NetworkLab, networkMissing } from './network-lab.ts';

export interface Surroundings {
  readonly lab: NetworkLab;
  readonly url: string;
  readonly file: string;
}

/** Where Debian keeps the tools; not on every PATH. */
const ADMINISTRATION = ':/usr/sbin:/sbin';

/** Ends the process with one sentence where the benchmark cannot run. `browser`: whether it needs one. */
export function requireNetwork(name: string, browser = true): void {
  process.env.PATH = `${process.env.PATH ?? ''}${ADMINISTRATION}`;
  const missing =
    networkMissing() ?? (!browser || chromiumPath() ? undefined : 'there is no Chromium here: run `npm run setup`.');
  if (missing === undefined) return;
  console.error(`The benchmark ${name} cannot run: ${missing}`);
  process.exit(1);
}

/** `duration`: s of picture that `run` needs at once; 0: none. `delay` and `jitter`: of the link, ms each way. */
export async function withLab(
  duration: number,
  run: (around: Surroundings) => Promise<void>,
  delay = 0,
  jitter = 0,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tswebrtc-bench-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);
  const lab = new NetworkLab(delay > 0 ? { program: compileDelay(folder), args: [String(delay), String(jitter)] } : undefined);
  const served = await servePlayerPage();
  try {
    const file = join(folder, 'picture.mp4');
    if (duration > 0) {
      console.log(`Making ${duration} s of a picture that needs the bits …`);
      await makeMovingPicture(file, duration);
    }
    await run({ lab, url: served.url, file });
  } finally {
    await served.close();
    lab.remove();
    removeFolder();
    process.removeListener('exit', removeFolder);
  }
}

/** Why there can be no delay here, as the end of a sentence; undefined where there can. */
export function delayMissing(): string | undefined {
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun here';
  return spawnSync(compiler, ['--version']).error ? 'there is no C compiler here: run `npm run setup`' : undefined;
}

const compiler = process.env.CC ?? 'cc';

function compileDelay(folder: string): string {
  const program = join(folder, 'delay');
  // Seen from bench/dist/bench/network.
  const source = fileURLToPath(new URL('../../../network/delay.c', import.meta.url));
  const { status, stderr } = spawnSync(compiler, ['-std=gnu11', '-O2', source, '-o', program], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${compiler} could not compile ${source}: ${stderr}`);
  return program;
}

export const sleep = (duration: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, duration));
