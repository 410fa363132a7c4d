/** A Chromium of its own, without a driver, that opens one address: for what befalls browsers from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromiumArgs, chromiumPath } from './chromium.ts';

export class LoneChromium {
  readonly #profile = mkdtempSync(path.join(os.tmpdir(), 'tswebrtc-chromium-'));
  readonly #child: ChildProcess;

  constructor(url: string) {
    const args = [...chromiumArgs, '--headless', `--user-data-dir=${this.#profile}`, url];
    this.#child = spawn(chromiumPath() ?? 'chromium', args, { stdio: 'ignore', detached: true });
  }

  /** Signals all its processes at once. */
  signal(name: NodeJS.Signals): void {
    process.kill(-this.#child.pid!, name);
  }

  /** Ends it, if it still runs, and removes its profile. */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.signal('SIGKILL');
      await once(this.#child, 'exit');
    }
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
