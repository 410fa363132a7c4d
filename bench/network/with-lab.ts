/** What both benchmarks on a real link need around them: a laboratory, the player page, and the picture's file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath } from '../../interop/chromium.ts';
import { servePlayerPage } from '../../interop/player-page.ts';
import { makeMovingPicture } from './moving-picture.ts';
import { NetworkLab, networkMissing } from './network-lab.ts';

export interface Surroundings {
  readonly lab: NetworkLab;
  readonly url: string;
  readonly file: string;
}

/** Ends the process with one sentence where the benchmark cannot run. */
export function requireNetwork(name: string): void {
  const missing = networkMissing() ?? (chromiumPath() ? undefined : 'There is no Chromium here: run `npm run setup`.');
  if (missing === undefined) return;
  console.error(`The benchmark ${name} cannot run: ${missing}`);
  process.exit(1);
}

/** `duration`: s of picture that `run` needs at once. */
export async function withLab(
  duration: number,
  run: (surroundings: Surroundings) => Promise<void>,
  delay?: { program: string; args: readonly string[] },
): Promise<void> {
  const lab = new NetworkLab(delay);
  const folder = mkdtempSync(join(tmpdir(), 'tswebrtc-bench-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);
  const served = await servePlayerPage();
  try {
    const file = join(folder, 'picture.mp4');
    console.log(`Making ${duration} s of a picture that needs the bits …`);
    await makeMovingPicture(file, duration);
    await run({ lab, url: served.url, file });
  } finally {
    await served.close();
    lab.remove();
    removeFolder();
    process.removeListener('exit', removeFolder);
  }
}

export const sleep = (duration: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, duration));
