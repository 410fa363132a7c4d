/** Cameras, microphones and screens: FFmpeg's device demultiplexers. */
import type { DeviceInput } from '../../types.ts';
import { openDemuxerFeed } from './demuxer-feed.ts';
import type { Source } from './source.ts';
import { openStreamSource } from './stream-source.ts';

/** FFmpeg's name of the option that says what the device is to give. */
const FORMAT_OPTION: Readonly<Record<DeviceInput['driver'], string | undefined>> = {
  v4l2: 'input_format',
  alsa: undefined,
  x11grab: undefined,
  avfoundation: 'pixel_format',
  dshow: 'vcodec',
};

export function openDevice(description: DeviceInput, signal: AbortSignal): Promise<Source> {
  const { driver, device, width, height, framerate, format, sampleRate, channels, reconnect = true } = description;
  const formatOption = FORMAT_OPTION[driver];
  const options: Record<string, string | number> = {};
  if (width !== undefined && height !== undefined) options.video_size = `${width}x${height}`;
  if (framerate !== undefined) options.framerate = framerate;
  if (format !== undefined && formatOption !== undefined) options[formatOption] = format;
  if (sampleRate !== undefined) options.sample_rate = sampleRate;
  if (channels !== undefined) options.channels = channels;
  return openStreamSource(
    {
      name: `The device ${driver}:${device}`,
      open: (given) => openDemuxerFeed({ url: device, format: driver, options, prompt: true }, given),
      live: true,
      atEnd: 'again',
      reconnect,
    },
    signal,
  );
}
