/** Opens, of each codec, one encoder after the other until one works, and closes it again. */
import type { MessagePort } from 'node:worker_threads';
import type { EncoderFailure } from '../../encoders.ts';
import type { FromEncoderTrial, ToEncoderTrial } from '../messages.ts';
import { VideoEncoder } from './video-encoder.ts';

/** Small, to be quick, and not too small for any of the hardware. */
const SETTINGS = {
  width: 320,
  height: 192,
  framerate: 30,
  bitrate: 500_000,
  profile: 'constrained-baseline',
  temporalLayers: 1,
  tune: 'latency',
  colorSpace: 2,
} as const;

export async function serveTrial(
  port: MessagePort,
  { codecs }: Extract<ToEncoderTrial, { type: 'try-encoders' }>,
): Promise<void> {
  port.on('message', (message: ToEncoderTrial) => {
    if (message.type === 'close') port.close();
  });
  const results = [];
  for (const { codec, candidates } of codecs) {
    const refused: EncoderFailure[] = [];
    const encoder = await VideoEncoder.open({ ...SETTINGS, codec }, candidates, { refused }).catch(() => undefined);
    encoder?.close();
    results.push({ codec, implementation: encoder?.implementation, refused });
  }
  port.postMessage({ type: 'encoders-tried', results } satisfies FromEncoderTrial);
}
