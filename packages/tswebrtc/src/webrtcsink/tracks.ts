/** What is put into a sink: descriptions of inputs, and the tracks they turn out to have. */
import type { FileInput, InputTrack, TestAudioInput, TestVideoInput } from '../media/types.ts';

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

/** One medium of the producer. */
export interface SinkTrack {
  /** `video_0`, `audio_0`, …: the reference's pad names, never used twice. */
  readonly name: string;
  readonly kind: 'video' | 'audio';
  readonly input: InputTrack;
}

/** Names tracks as the reference names its pads. */
export class TrackNames {
  readonly #next = { video: 0, audio: 0 };

  take(kind: 'video' | 'audio'): string {
    return `${kind}_${this.#next[kind]++}`;
  }
}
