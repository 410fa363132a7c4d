/** Who watches: real peers, each of which says what it decoded. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromiumPath, launchChromium } from '../../interop/chromium.ts';
import { firefoxMissing, launchFirefox } from '../../interop/firefox.ts';
import {
  type DrivenPage,
  figuresOf,
  type InboundFigures,
  type PlayerFigures,
  rateOf,
  servePlayerPage,
  watchFirst,
} from '../../interop/player-page.ts';
import { networkMissing } from '../network/network-lab.ts';

/** What a consumer decoded of one medium. */
export interface Decoded {
  readonly codec: string;
  /** Frames a second; of sound, packets' worth of samples. */
  readonly rate: number;
  readonly width?: number;
  readonly height?: number;
  /** Of sound: that there was some. */
  readonly energy?: number;
}

export interface Watched {
  readonly video?: Decoded;
  readonly audio?: Decoded;
}

export interface Consumer {
  readonly name: string;
  readonly version: string;
  /** Lives in a network namespace, since it never uses the loopback interface. */
  readonly apart: boolean;
  /** Why it cannot be tried here. */
  readonly missing: string | undefined;
  /** Watches the one producer of a signalling server for `seconds`; `through` leads into its network namespace. */
  watch(signalling: string, seconds: number, through: readonly string[]): Promise<Watched>;
  close(): Promise<void>;
}

/** ms for a first picture. */
const FIRST_PICTURE = 20_000;
const bench = new URL(import.meta.url.includes('/dist/') ? '../../../' : '../', import.meta.url);
const PYTHON = '/usr/bin/python3';
const run = promisify(execFile);

type Page = DrivenPage & { goto(url: string): Promise<unknown>; close(): Promise<void> };

abstract class BrowserConsumer implements Consumer {
  abstract readonly name: string;
  abstract readonly version: string;
  abstract readonly missing: string | undefined;
  readonly apart = false;
  #served: Awaited<ReturnType<typeof servePlayerPage>> | undefined;

  protected abstract newPage(): Promise<Page>;
  protected abstract closeBrowser(): Promise<void>;

  async watch(signalling: string, seconds: number): Promise<Watched> {
    this.#served ??= await servePlayerPage();
    const page = await this.newPage();
    try {
      await page.goto(this.#served.url);
      const first = watchFirst(page, signalling);
      first.catch(() => {});
      const { width, height } = await within(first, FIRST_PICTURE, 'no picture came').catch(async (error: unknown) => {
        const tracks = await page.evaluate(() => window.player.tracks(), undefined);
        throw tracks.every(({ kind, ended }) => kind !== 'video' || ended)
          ? new Error('it took none of the offered codecs')
          : error;
      });
      // What is muted is not played, and so not counted as heard.
      await page.evaluate(() => window.player.unmute(), undefined);
      await pause(2000);
      const before = await figuresOf(page);
      await pause(1000 * seconds);
      const after = await figuresOf(page);
      return { ...picture(before, after, { width, height }), ...sound(before, after) };
    } finally {
      await page.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#served?.close(), this.closeBrowser()]);
  }
}

function picture(before: PlayerFigures, after: PlayerFigures, size: { width: number; height: number }): Watched {
  if (!before.video || !after.video) return {};
  return { video: { codec: nameOf(after.video), rate: rateOf(before.video, after.video), ...size } };
}

function sound(before: PlayerFigures, after: PlayerFigures): Watched {
  const { audio } = after;
  if (!before.audio || !audio) return {};
  // Firefox does not tell the energy; what it had to conceal it did not hear.
  const energy = audio.totalAudioEnergy ?? audio.totalSamplesReceived - audio.concealedSamples;
  return { audio: { codec: nameOf(audio), rate: rateOf(before.audio, audio, 'packetsReceived'), energy } };
}

const nameOf = ({ codec }: InboundFigures): string => codec.split('/')[1]!.toUpperCase();

class Chromium extends BrowserConsumer {
  readonly name = 'Chromium';
  readonly missing = chromiumPath() === undefined ? 'peer not available: Chromium' : undefined;
  readonly version = versionOf(chromiumPath() ?? 'chromium', '--version');
  #browser: Awaited<ReturnType<typeof launchChromium>> | undefined;

  protected async newPage(): Promise<Page> {
    this.#browser ??= await launchChromium();
    return (await this.#browser.newPage()) as unknown as Page;
  }

  protected async closeBrowser(): Promise<void> {
    await this.#browser?.close();
  }
}

class Firefox extends BrowserConsumer {
  readonly name = 'Firefox';
  readonly missing = firefoxMissing() && 'peer not available: Firefox';
  readonly version = versionOf('firefox-esr', '--version');
  #browser: Awaited<ReturnType<typeof launchFirefox>> | undefined;

  protected async newPage(): Promise<Page> {
    this.#browser ??= await launchFirefox();
    return (await this.#browser.newPage()) as unknown as Page;
  }

  protected async closeBrowser(): Promise<void> {
    await this.#browser?.close();
  }
}

/** A peer that is a script in Python. */
class PythonConsumer implements Consumer {
  readonly name: string;
  readonly version: string;
  readonly missing: string | undefined;
  readonly apart = true;
  readonly #script: string;

  constructor(name: string, script: string, imports: string, version: string) {
    this.name = name;
    this.#script = fileURLToPath(new URL(`support/${script}`, bench));
    const found = spawnSync(PYTHON, ['-c', `import websockets; ${imports}`], { stdio: 'ignore' }).status === 0;
    this.missing = found ? networkMissing() : `peer not available: ${name}`;
    this.version = found ? versionOf(PYTHON, '-c', `${imports}; print(${version})`) : '';
  }

  async watch(signalling: string, seconds: number, through: readonly string[]): Promise<Watched> {
    const [program, ...args] = [...through, PYTHON, this.#script, signalling, String(seconds)];
    try {
      const { stdout, stderr } = await run(program!, args, { timeout: FIRST_PICTURE + 10_000 + 1000 * seconds });
      const watched = JSON.parse(stdout) as Watched;
      if (stderr && !watched.video?.rate) throw new Error(lastLine(stderr));
      return watched;
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      throw new Error(lastLine(stderr) || lastLine(message));
    }
  }

  async close(): Promise<void> {}
}

export function allConsumers(): Consumer[] {
  return [
    new Chromium(),
    new Firefox(),
    new PythonConsumer(
      'webrtcbin',
      'webrtcbin_consumer.py',
      'import gi; gi.require_version("GstWebRTC", "1.0"); from gi.repository import Gst, GstWebRTC; Gst.init(None)',
      'Gst.version_string()',
    ),
    new PythonConsumer('aiortc', 'aiortc_consumer.py', 'import aiortc', '"aiortc " + aiortc.__version__'),
  ];
}

function versionOf(program: string, ...args: string[]): string {
  return (spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '').trim().split('\n')[0]!;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!.slice(0, 200);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
