import { expect, it } from 'vitest';
import { WebRTCSink } from './webrtcsink.ts';

it('closes the tracks that the application writes, also of a sink that was never started', async () => {
  const sink = new WebRTCSink();
  const video = sink.addVideoTrack({ width: 64, height: 64, format: 'I420' });
  const audio = sink.addAudioTrack({ sampleRate: 48_000, channels: 2, format: 's16' });
  await video.write(new Uint8Array(64 * 64 * 1.5));
  await sink.close();
  await expect(video.write(new Uint8Array(64 * 64 * 1.5))).rejects.toMatchObject({ code: 'INVALID_STATE' });
  await expect(audio.write(new Int16Array(960))).rejects.toMatchObject({ code: 'INVALID_STATE' });
});

it('names what is wrong with a track at once', () => {
  const sink = new WebRTCSink();
  expect(() => sink.addVideoTrack({ width: 64, height: 64, format: 'YUV' as 'I420' })).toThrow('"format" is "YUV"');
  expect(() => sink.addAudioTrack({ sampleRate: 48_000, channels: 0, format: 's16' })).toThrow('"channels" is 0');
});
