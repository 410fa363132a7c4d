/** Every video codec at 720p30 in the peers that take it: Chromium, Firefox, GStreamer's webrtcbin. `npm run interop`. */
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { NetworkLab } from '../bench/network/network-lab.ts';
import { allConsumers, type Consumer, type Decoded } from '../bench/support/consumers.ts';
import { CommandProcess } from './command-process.ts';

const VIDEO = 'testsrc:width=1280,height=720,framerate=30';
/** Watched, s. */
const DURATION = 10;
const LIMIT = 60_000;
const PORT = '8443';
const CODECS: Readonly<Record<string, readonly string[]>> = {
  Chromium: ['VP8', 'H264', 'VP9', 'AV1'],
  Firefox: ['VP8', 'VP9', 'AV1'],
  webrtcbin: ['VP8', 'H264', 'H265'],
};

const consumers = allConsumers();
afterAll(async () => {
  for (const consumer of consumers) await consumer.close();
});

/** Plays from a sink, each in a network namespace of its own for who wants that. */
async function watch(consumer: Consumer, codec: string): Promise<{ seen: Decoded; sink: CommandProcess }> {
  const lab = consumer.apart ? new NetworkLab() : undefined;
  const within = (namespace?: string): string[] => (namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]);
  const address = lab?.producer.address ?? '127.0.0.1';
  const server = ['--run-signalling-server', '--signalling-server-host', address, '--signalling-server-port', PORT];
  const args = ['sink', '--json', '--stun-server', 'none', ...server, VIDEO, '--video-codecs', codec];
  const sink = new CommandProcess(args, within(lab?.producer.namespace));
  onTestFinished(async () => {
    await sink.stop();
    lab?.remove();
  });
  await sink.event('registered');
  const { video } = await consumer.watch(`ws://${address}:${PORT}`, DURATION, within(lab?.viewer.namespace));
  if (!video) throw new Error(`${consumer.name} saw no picture`);
  return { seen: video, sink };
}

for (const consumer of consumers.filter(({ name }) => name in CODECS)) {
  describe.skipIf(consumer.missing)(consumer.name, () => {
    it.each(CODECS[consumer.name]!)(
      'plays %s',
      async (codec) => {
        const { seen } = await watch(consumer, codec);
        console.log(`${consumer.name}, ${codec}: ${seen.rate.toFixed(1)} fps decoded`);
        expect(seen).toMatchObject({ codec, width: 1280, height: 720 });
        expect(seen.rate).toBeGreaterThanOrEqual(28);
      },
      LIMIT,
    );
  });
}

const chromium = consumers.find(({ name }) => name === 'Chromium')!;

it.skipIf(chromium.missing)(
  'an encoder that fails while it runs: the picture returns, the session stays, in one line',
  async () => {
    // Of the command, which inherits it.
    process.env.TSWEBRTC_TEST_ENCODER_FAULTS = 'libx264@150';
    process.env.TSWEBRTC_LOG = 'media:warn';
    onTestFinished(() => {
      delete process.env.TSWEBRTC_TEST_ENCODER_FAULTS;
      delete process.env.TSWEBRTC_LOG;
    });
    const { seen, sink } = await watch(chromium, 'H264');
    const warnings = sink.stderr.split('\n').filter((line) => / warn media: /.test(line));
    console.log(`Chromium, H264 that failed once: ${seen.rate.toFixed(1)} fps decoded; ${warnings.join(' | ')}`);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('libx264 failed');
    expect(
      sink.events.filter(({ event, reason }) => event === 'error' || (event === 'consumer-removed' && reason !== 'ended')),
    ).toEqual([]);
    expect(seen.rate).toBeGreaterThan(25);
  },
  LIMIT,
);
