/** What is put into a sink: descriptions of inputs, and the tracks they turn out to have. */
import { TsWebRTCError } from '../common/errors.ts';
import type { DeviceInput, FileInput, InputTrack, PipeInput, TestAudioInput, TestVideoInput, UrlInput } from '../media/types.ts';

/** A test picture. */
export function testVideo(options: Omit<TestVideoInput, 'type'> = {}): TestVideoInput {
  return { type: 'testsrc', ...options };
}

/** A test tone. */
export function testAudio(options: Omit<TestAudioInput, 'type'> = {}): TestAudioInput {
  return { type: 'tone', ...options };
}

/** A media file, paced by its timestamps. */
export function file(path: string, options: Omit<FileInput, 'type' | 'path'> = {}): FileInput {
  return { type: 'file', path, ...options };
}

/** A stream from the network: `rtsp`, `rtsps`, `http`, `https`, `srt`, `udp`. */
export function stream(url: string, options: Omit<UrlInput, 'type' | 'url'> = {}): UrlInput {
  return { type: 'url', url, ...options };
}

/** A camera, a microphone, a screen: `device('v4l2', '/dev/video0')`. */
export function device(
  driver: DeviceInput['driver'],
  name: string,
  options: Omit<DeviceInput, 'type' | 'driver' | 'device'> = {},
): DeviceInput {
  return { type: 'device', driver, device: name, ...options };
}

/** What another program writes into standard input, or into the FIFO `path`. */
export function pipe(options: Omit<PipeInput, 'type'> = {}): PipeInput {
  return { type: 'pipe', ...options };
}

/** One medium of the producer, as applications see it. */
export interface TrackInfo {
  /** `video_0`, `audio_0`, …: the reference's pad names, never used twice. */
  readonly name: string;
  readonly kind: 'video' | 'audio';
  /** MediaStream id that consumers are told; undefined: that of all tracks without one. */
  readonly msid?: string;
}

/** One medium of the producer. */
export interface SinkTrack extends TrackInfo {
  readonly input: InputTrack;
}

/** Throws `INVALID_OPTION` where `msid` cannot stand in a session description (RFC 8830 §2). */
export function checkMsid(msid: string | undefined): void {
  if (msid === undefined || /^[\w!#$%&'*+.^`{|}~-]{1,64}$/.test(msid)) return;
  throw new TsWebRTCError(
    'INVALID_OPTION',
    `Option msid is "${msid}", but must be 1 to 64 letters, digits or signs like - and _.`,
  );
}

/** Names tracks as the reference names its pads. */
export class TrackNames {
  readonly #next = { video: 0, audio: 0 };

  take(kind: 'video' | 'audio'): string {
    return `${kind}_${this.#next[kind]++}`;
  }
}
