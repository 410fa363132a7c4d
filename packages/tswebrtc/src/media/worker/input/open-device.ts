/** Cameras, microphones and screens: FFmpeg's device demultiplexers. */
import { Device, type DeviceInfo } from 'node-av/lib';
import { asError } from '../../../common/errors.ts';
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

/** What of the system's devices a driver opens, and on which system. */
const OPENS: Readonly<Record<DeviceInput['driver'], { readonly on: string; readonly kinds: readonly DeviceInfo['type'][] }>> = {
  v4l2: { on: 'linux', kinds: ['video'] },
  alsa: { on: 'linux', kinds: ['audio'] },
  x11grab: { on: 'linux', kinds: [] },
  avfoundation: { on: 'darwin', kinds: ['video', 'audio'] },
  dshow: { on: 'win32', kinds: ['video', 'audio'] },
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
      open: (given) =>
        openDemuxerFeed({ url: device, format: driver, options, prompt: true }, given).catch(async (error: unknown) => {
          throw new Error(`${asError(error).message.replace(/\.$/, '')}${await devicesFor(driver)}`, { cause: error });
        }),
      live: true,
      atEnd: 'again',
      reconnect,
    },
    signal,
  );
}

/** Which devices there are, to end a sentence with. */
async function devicesFor(driver: DeviceInput['driver']): Promise<string> {
  const { on, kinds } = OPENS[driver];
  if (on !== process.platform || kinds.length === 0) return '';
  const all = await Device.list().catch(() => []);
  const names = all.filter(({ type }) => kinds.includes(type)).map(({ name, description }) => `${name} (${description})`);
  return names.length > 0 ? `; there are ${names.join(', ')}` : '; no such device is found here';
}
