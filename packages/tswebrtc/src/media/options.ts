/** Checks what the application asks of the engine, at its entry: a wrong option fails at once and says what would be right. */
import { TsWebRTCError } from '../common/errors.ts';
import { AUDIO_CODECS, isAudioCodec, MOST_CHANNELS } from './audio-codecs.ts';
import { CLOCK_WIDTH } from './clock-picture.ts';
import { CONTAINERS } from './containers.ts';
import { ENCODER_PREFERENCES } from './encoders.ts';
import { type DecodingOptions, isSound, type PictureFormat, type RecordingOptions } from './output-types.ts';
import { checkStream } from './stream-options.ts';
import type { CodecName, EncodingOptions, InputDescription, InputTrack } from './types.ts';

export const CODEC_KINDS: Record<CodecName, InputTrack['kind']> = {
  VP8: 'video',
  H264: 'video',
  VP9: 'video',
  H265: 'video',
  AV1: 'video',
  OPUS: 'audio',
  MULTIOPUS: 'audio',
  L24: 'audio',
  L16: 'audio',
  PCMU: 'audio',
  PCMA: 'audio',
};

const TUNES = ['latency', 'balanced', 'quality'];
const PROFILES = ['constrained-baseline', 'baseline', 'main', 'high'];

export function checkInput(description: InputDescription): void {
  switch (description.type) {
    case 'testsrc': {
      const { pattern = 'smpte', width = 1280, height = 720, framerate = 30, clock = false } = description;
      if (pattern !== 'smpte' && pattern !== 'ball') throw invalid('pattern', pattern, '"smpte" or "ball"');
      checkSize('width', width);
      checkSize('height', height);
      if (!(framerate > 0 && framerate <= 240)) throw invalid('framerate', framerate, 'a number above 0 and up to 240');
      if (clock && width < CLOCK_WIDTH) throw invalid('width', width, `at least ${CLOCK_WIDTH} with the clock in the picture`);
      return;
    }
    case 'tone': {
      const { frequency = 440, volume = 0.2, channels = 2 } = description;
      if (!(frequency > 0 && frequency <= 20_000)) throw invalid('frequency', frequency, 'above 0 and up to 20000 Hz');
      if (!(volume >= 0 && volume <= 1)) throw invalid('volume', volume, 'between 0 and 1');
      checkChannels(channels, MOST_CHANNELS);
      return;
    }
    case 'file':
      if (typeof description.path !== 'string' || description.path === '') {
        throw invalid('path', description.path, 'the path of a media file');
      }
      return;
    case 'url':
    case 'device':
    case 'pipe':
      checkStream(description);
      return;
    case 'push':
      return;
    default:
      throw invalid('type', (description as { type: unknown }).type, '"testsrc", "tone", "file", "url", "device" or "pipe"');
  }
}

export function checkEncoding(track: InputTrack, options: EncodingOptions): void {
  const { codec, bitrate, profile, temporalLayers, expectedLoss, channels, sampleRate, tune, encoder } = options;
  const kind = CODEC_KINDS[codec];
  if (!kind) throw invalid('codec', codec, Object.keys(CODEC_KINDS).join(', '));
  if (kind !== track.kind) throw invalid('codec', codec, `a codec for ${track.kind}`);
  checkBitrate(bitrate);
  if (isAudioCodec(codec)) {
    const { mostChannels, bitsPerSample, sampleRate: usual } = AUDIO_CODECS[codec];
    if (channels !== undefined) checkChannels(channels, mostChannels);
    if (sampleRate !== undefined && sampleRate !== usual && !(bitsPerSample && sampleRate >= 8000 && sampleRate <= 192_000)) {
      throw invalid('sampleRate', sampleRate, bitsPerSample ? 'between 8000 and 192000 Hz' : `${usual} Hz for ${codec}`);
    }
  }
  if (profile !== undefined && !PROFILES.includes(profile)) throw invalid('profile', profile, PROFILES.join(', '));
  if (tune !== undefined && !TUNES.includes(tune)) throw invalid('tune', tune, TUNES.join(', '));
  if (encoder !== undefined && !(ENCODER_PREFERENCES as readonly string[]).includes(encoder)) {
    throw invalid('encoder', encoder, `one of ${ENCODER_PREFERENCES.join(', ')}`);
  }
  if (temporalLayers !== undefined && temporalLayers !== 1 && temporalLayers !== 2) {
    throw invalid('temporalLayers', temporalLayers, '1 or 2');
  }
  for (const name of ['inbandFec', 'dtx'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'boolean') throw invalid(name, options[name], 'true or false');
  }
  if (expectedLoss !== undefined && !(expectedLoss >= 0 && expectedLoss <= 100)) {
    throw invalid('expectedLoss', expectedLoss, 'between 0 and 100 percent');
  }
}

export function checkRecording({ container, output, tracks }: RecordingOptions): void {
  if (!(container in CONTAINERS)) throw invalid('container', container, `one of ${Object.keys(CONTAINERS).join(', ')}`);
  if (container === 'hls' && typeof output !== 'string') throw invalid('container', container, 'another: HLS is several files');
  if (output === '') throw invalid('output', output, 'the path of the file to write');
  if (tracks.length === 0) throw invalid('tracks', tracks, 'one track or more');
}

const PICTURE_FORMATS: readonly PictureFormat[] = ['I420', 'NV12', 'RGBA', 'RGB24', 'png', 'jpeg'];

export function checkDecoding(options: DecodingOptions): void {
  if (isSound(options)) {
    const { channels, sent } = options;
    for (const count of [channels, sent?.channels]) if (count !== undefined) checkChannels(count, MOST_CHANNELS);
    return;
  }
  const { format = 'I420', width, height } = options;
  if (!PICTURE_FORMATS.includes(format)) throw invalid('format', format, `one of ${PICTURE_FORMATS.join(', ')}`);
  if (width !== undefined) checkSize('width', width);
  if (height !== undefined) checkSize('height', height);
}

export function checkBitrate(bitrate: number): void {
  if (!(bitrate >= 1000 && bitrate <= 1e9)) throw invalid('bitrate', bitrate, 'between 1000 and 1000000000 bit/s');
}

export function checkChannels(channels: number, most: number): void {
  if (Number.isInteger(channels) && channels >= 1 && channels <= most) return;
  throw invalid('channels', channels, most === 1 ? '1' : `a whole number from 1 to ${most}`);
}

function checkSize(name: string, pixels: number): void {
  if (!Number.isInteger(pixels) || pixels % 2 !== 0 || pixels < 16 || pixels > 8192) {
    throw invalid(name, pixels, 'an even number of pixels between 16 and 8192');
  }
}

/** The error for an option that cannot be. */
export function invalid(name: string, value: unknown, expected: string): TsWebRTCError {
  return new TsWebRTCError('INVALID_OPTION', `The option "${name}" is ${JSON.stringify(value)} but must be ${expected}.`);
}
