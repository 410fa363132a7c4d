/** The two ways a picture goes through the laboratory: from our producer to Chromium, and from Chromium to Chromium. */
import { CommandProcess } from '../../interop/command-process.ts';
import { watchFirst } from '../../interop/player-page.ts';
import { openPageOn, type RemotePage } from './chromium-on.ts';
import type { Series } from './measure.ts';
import type { NetworkLab } from './network-lab.ts';
import { addFileInput, answerAndShow, firstFrame, type Outbound, offerFile, type Recording, record, takeAnswer } from './page.ts';

/** ms from one look at the statistics to the next */
const INTERVAL = 100;

/** A stream that plays. */
export interface Stream {
  /** What the viewer saw so far. */
  seen(): Promise<Recording>;
  /** The sender's estimate of the path so far, bit/s. */
  estimates(): Promise<Series>;
  /** What held the comparison's sender back at the end, as it says itself. */
  sender(): Promise<Outbound | undefined>;
  close(): Promise<void>;
}

export interface StreamOptions {
  readonly lab: NetworkLab;
  /** URL of the player page. */
  readonly url: string;
  /** The picture's file. */
  readonly file: string;
  /** `VP8` or `H264` */
  readonly codec: string;
}

/** Our producer, as users run it; resolves once the viewer sees it. */
export async function playFromSink(options: StreamOptions & { readonly flags: readonly string[] }): Promise<Stream> {
  const { lab, url, file, codec, flags } = options;
  const { namespace, address } = lab.producer;
  const server = ['--run-signalling-server', '--signalling-server-host', address, '--signalling-server-port', '0'];
  const watched = ['--json', '--stats-interval', String(INTERVAL / 1000), '--stun-server', 'none'];
  const args = ['sink', file, ...watched, ...server, '--video-codecs', codec, ...flags];
  const sink = new CommandProcess(args, ['ip', 'netns', 'exec', namespace]);
  let viewer: RemotePage | undefined;
  const close = async (): Promise<void> => {
    await viewer?.close();
    await sink.stop();
  };
  try {
    await sink.event('registered');
    viewer = await openPageOn(lab.viewer, url);
    const { page } = viewer;
    await watchFirst(page, sink.signallingUri);
    await page.evaluate(record, { interval: INTERVAL, frames: true });
    return {
      seen: () => page.evaluate(() => window.recording),
      estimates: async () =>
        sink.events.flatMap(({ event, time, sessions }) => {
          const [session] = event === 'stats' ? (sessions as { targetBitrate: number }[]) : [];
          return session ? [[time, session.targetBitrate] as const] : [];
        }),
      sender: async () => undefined,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Chromium in the producer's place; resolves once the viewer sees it. */
export async function playFromChromium(options: StreamOptions & { readonly maxBitrate: number }): Promise<Stream> {
  const { lab, url, file, codec, maxBitrate } = options;
  const pages: RemotePage[] = [];
  const close = async (): Promise<void> => {
    for (const page of pages) await page.close();
  };
  try {
    for (const host of [lab.producer, lab.viewer]) pages.push(await openPageOn(host, url));
    const [sender, viewer] = pages.map(({ page }) => page);
    await sender!.evaluate(addFileInput);
    await sender!.setInputFiles('input', file);
    const offer = await sender!.evaluate(offerFile, { codec, maxBitrate });
    const answer = await viewer!.evaluate(answerAndShow, offer);
    await sender!.evaluate(takeAnswer, answer);
    await viewer!.evaluate(firstFrame);
    await viewer!.evaluate(record, { interval: INTERVAL, frames: true });
    await sender!.evaluate(record, { interval: INTERVAL, frames: false });
    const sent = async (): Promise<Recording> => sender!.evaluate(() => window.recording);
    return {
      seen: () => viewer!.evaluate(() => window.recording),
      estimates: async () =>
        (await sent()).samples.flatMap(({ time, availableOutgoingBitrate: estimate }) =>
          estimate === undefined ? [] : [[time, estimate] as const],
        ),
      sender: async () => (await sent()).samples.at(-1)?.outbound,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
