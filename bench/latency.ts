/** Glass to glass without the glass: from the time drawn into the picture to the time at which Chromium presents it. */
import { parseArgs } from 'node:util';
import { atMost, type Figure, info, quantile, report } from './report.ts';
import { withPlayer } from './with-player.ts';

const CLOCK_WRAP = 2 ** 40;

export async function latency(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { seconds: { type: 'string', default: '15' }, codec: { type: 'string', default: 'H264' } },
  });
  const input = ['testsrc:width=1280,height=720,framerate=30,clock', 'tone', '--video-codecs', values.codec];
  await withPlayer(input, async (page, producerId) => {
    await page.evaluate((id) => window.player.watch(id), producerId);
    await page.evaluate(() => window.player.readClock(3000)); // settles the jitter buffer
    const samples = await page.evaluate((duration) => window.player.readClock(duration), Number(values.seconds) * 1000);
    const inbound = (await page.evaluate(() => window.player.figures())).video;
    // The picture has room for 40 bits of the time.
    const latencies = samples.flatMap(([capture, presented]) => (capture === null ? [] : [(presented % CLOCK_WRAP) - capture]));
    const figures: Figure[] = [
      atMost('latency.p50_ms', quantile(latencies, 0.5), 'ms', 80),
      atMost('latency.p95_ms', quantile(latencies, 0.95), 'ms', 120),
      info('latency.max_ms', Math.max(...latencies), 'ms', 'the slowest frame'),
      info('frames', latencies.length, 'frames', 'measured'),
      info('unreadable', samples.length - latencies.length, 'frames', 'the check byte was wrong'),
      info(
        'jitter_buffer_ms',
        (1000 * (inbound?.jitterBufferDelay ?? 0)) / (inbound?.jitterBufferEmittedCount || 1),
        'ms',
        "of which in the browser's jitter buffer",
      ),
    ];
    report('latency', figures);
  });
}
