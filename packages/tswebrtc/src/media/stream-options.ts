/** Checks what the application says of an input that comes from elsewhere: by URL, from a device, through a pipe. */
import { TsWebRTCError } from '../common/errors.ts';
import { DEVICE_DRIVERS, type DeviceInput, type PipeInput, type UrlInput } from './types.ts';
import { nameOfUrl } from './url-name.ts';

const SCHEMES = ['rtsp', 'rtsps', 'http', 'https', 'srt', 'rtmp', 'udp'];

/** Whether `text` is a URL that can be an input. */
export function isInputUrl(text: string): boolean {
  return SCHEMES.includes(/^([a-z]+):\/\//i.exec(text)?.[1]?.toLowerCase() ?? '');
}

/** Whether what the URL names may have an end, to start over at. */
export function mayLoop(url: string): boolean {
  return /^https?:/i.test(url);
}

/** Throws `INVALID_OPTION`. */
export function checkStream(description: UrlInput | DeviceInput | PipeInput): void {
  const { reconnect } = description;
  if (reconnect !== undefined && typeof reconnect !== 'boolean') throw invalid('reconnect', reconnect, 'true or false');
  if (description.type === 'url') checkUrl(description);
  else if (description.type === 'device') checkDevice(description);
  else checkPipe(description);
}

function checkUrl({ url, transport, timeout, loop, listen }: UrlInput): void {
  if (typeof url !== 'string' || !isInputUrl(url) || !URL.canParse(url)) {
    throw invalid('url', typeof url === 'string' ? nameOfUrl(url) : url, `a URL of ${SCHEMES.join(', ')}`);
  }
  if (transport !== undefined && transport !== 'tcp' && transport !== 'udp')
    throw invalid('transport', transport, '"tcp" or "udp"');
  if (timeout !== undefined && !(timeout > 0 && timeout <= 3600)) throw invalid('timeout', timeout, 'above 0 and up to 3600 s');
  if (listen && !/^(srt|rtmp):/i.test(url)) throw invalid('listen', listen, 'left out of all but srt and rtmp');
  if (loop && !mayLoop(url)) {
    throw invalid('loop', loop, `left out for ${nameOfUrl(url)}, which is live and has no beginning to go back to`);
  }
}

function checkDevice({ driver, device, width, height, framerate }: DeviceInput): void {
  if (!DEVICE_DRIVERS.includes(driver)) throw invalid('driver', driver, `one of ${DEVICE_DRIVERS.join(', ')}`);
  if (typeof device !== 'string' || device === '') throw invalid('device', device, 'the name of a device');
  if ((width === undefined) !== (height === undefined)) throw invalid('width', width, 'given together with "height"');
  checkFramerate(framerate);
}

function checkPipe({ path, format, width, height, framerate }: PipeInput): void {
  if (path === '') throw invalid('path', path, 'the path of a FIFO');
  checkFramerate(framerate);
  if (format !== 'rawvideo') return;
  for (const [name, pixels] of Object.entries({ width, height })) {
    if (!Number.isInteger(pixels) || pixels! < 16 || pixels! > 8192) {
      throw invalid(name, pixels ?? null, 'a number of pixels between 16 and 8192, since raw pictures do not tell');
    }
  }
}

function checkFramerate(framerate: number | undefined): void {
  if (framerate !== undefined && !(framerate > 0 && framerate <= 240)) {
    throw invalid('framerate', framerate, 'a number above 0 and up to 240');
  }
}

function invalid(name: string, value: unknown, expected: string): TsWebRTCError {
  return new TsWebRTCError('INVALID_OPTION', `The option "${name}" is ${JSON.stringify(value)} but must be ${expected}.`);
}
