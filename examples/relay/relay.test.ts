import { expect, it } from 'vitest';
import { ExampleProcess } from '../../interop/example-process.ts';
import { playsOn, startSink, useChromium } from '../../interop/use-chromium.ts';
import type { SinkStats } from '../../packages/tswebrtc/src/index.ts';

const chromium = useChromium();

it('plays in Chromium what another producer sends, for which it asks that one for keyframes', async () => {
  const camera = await startSink(['testsrc:width=320,height=240', 'tone:frequency=440', '--video-codecs', 'H264']);
  const example = new ExampleProcess(new URL('main.js', import.meta.url), [camera.signallingUri, '0']);
  const opened = await example.line();
  const signalling = /(ws:\S+)/.exec(opened)![1]!;
  const pages = /(http:\S+)/.exec(opened)![1]!;

  const { page, producer } = await chromium.openPlayer(signalling);
  expect(producer.meta).toEqual({ name: 'relay' });
  const first = await page.evaluate((id) => window.player.watch(id), producer.id);
  expect(first).toMatchObject({ width: 320, height: 240 });
  const heard = await page.evaluate(() => window.player.listen(2000));
  expect(Math.abs(heard.frequency - 440)).toBeLessThan(15);
  await playsOn(page);

  // As they came: nothing is encoded anew.
  const { encodings } = (await (await fetch(new URL('stats', pages))).json()) as SinkStats;
  expect(
    encodings.map(({ codec, passthrough }) => ({ codec, passthrough })).sort((a, b) => (a.codec < b.codec ? -1 : 1)),
  ).toEqual([
    { codec: 'H264', passthrough: true },
    { codec: 'OPUS', passthrough: true },
  ]);

  expect(await example.interrupt()).toBe(0);
}, 60_000);
