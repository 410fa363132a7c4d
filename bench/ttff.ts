/** Time to first frame: from the moment a consumer asks for a session to its first presented frame, in headless Chromium. */
import { parseArgs } from 'node:util';
import { atMost, type Figure, info, quantile, report } from './report.ts';
import { withPlayer } from './with-player.ts';

/** An encoding outlives its last viewer by 5 s: after this long, ms, the next one starts from nothing. */
const UNTIL_COLD = 6000;

export async function ttff(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: 'string', default: '30' },
      cold: { type: 'string', default: '5' },
      codec: { type: 'string', default: 'H264' },
    },
  });
  const input = ['testsrc:width=1280,height=720,framerate=30', 'tone', '--video-codecs', values.codec];
  await withPlayer(input, async (page, producerId) => {
    const run = async (): Promise<number> => {
      const { ttff: time } = await page.evaluate((id) => window.player.watch(id), producerId);
      await page.evaluate(() => window.player.stop());
      return time;
    };
    const pause = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));
    const cold: number[] = [];
    for (let i = 0; i < Number(values.cold); i++) {
      if (i > 0) await pause(UNTIL_COLD);
      cold.push(await run());
    }
    const warm: number[] = [];
    for (let i = 0; i < Number(values.runs); i++) {
      // Not in step with the frames.
      await pause(500 + ((i * 37) % 100));
      warm.push(await run());
    }
    console.log(`each run, ms: ${warm.map(Math.round).join(' ')}; first viewer: ${cold.map(Math.round).join(' ')}`);
    const figures: Figure[] = [
      atMost('ttff.p50_ms', quantile(warm, 0.5), 'ms', 250),
      atMost('ttff.p95_ms', quantile(warm, 0.95), 'ms', 600),
      info('ttff.max_ms', Math.max(...warm), 'ms', 'the slowest run'),
      info('ttff.first_viewer_p50_ms', quantile(cold, 0.5), 'ms', 'no encoder running yet'),
    ];
    report('ttff', figures);
  });
}
