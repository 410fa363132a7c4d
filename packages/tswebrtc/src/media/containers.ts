/** The containers that streams are recorded in: what each takes, and how FFmpeg is told to write it. */
import { TsWebRTCError } from '../common/errors.ts';
import type { AudioCodecName } from './types.ts';

export type ContainerName = 'mp4' | 'webm' | 'matroska' | 'hls';
/** Codecs by their names in a session description, upper case. */
export type RecordedVideoCodec = 'VP8' | 'VP9' | 'H264' | 'H265' | 'AV1';
export type RecordedAudioCodec = AudioCodecName;
export type RecordedCodec = RecordedVideoCodec | RecordedAudioCodec;

export interface Container {
  readonly endings: readonly string[];
  /** Video codecs that go in as they are, best first. */
  readonly videoCodecs: readonly RecordedVideoCodec[];
  /** Audio codecs that go in as they are; other sound becomes Opus. */
  readonly audioCodecs: readonly RecordedAudioCodec[];
  /** What other video becomes. */
  readonly transcodesTo: 'H264' | 'VP8';
  /** FFmpeg's name of the muxer. */
  readonly muxer: string;
  /** Options of the muxer. `path` is undefined where the bytes go to a stream, which cannot be gone back in. */
  readonly options: (path: string | undefined) => Readonly<Record<string, string>>;
}

/** What is on disk at a crash lacks so much at most, µs. */
const FRAGMENT = '1000000';
/** Length of a part in HLS, s, and so how often a keyframe is needed. */
export const HLS_SEGMENT = 2;

const MATROSKA = (path: string | undefined): Record<string, string> => ({
  // A cluster is readable when it is complete; a reader behind a pipe waits for none.
  cluster_time_limit: path === undefined ? '40' : '1000',
  ...(path === undefined ? { live: '1' } : {}),
});

export const CONTAINERS: Readonly<Record<ContainerName, Container>> = {
  mp4: {
    endings: ['.mp4', '.m4v', '.mov'],
    videoCodecs: ['H264', 'VP9', 'AV1', 'H265'],
    audioCodecs: ['OPUS', 'MULTIOPUS'],
    transcodesTo: 'H264',
    muxer: 'mp4',
    // Fragments while it is written, so that a crash costs no more than the last; an ordinary file once it is complete.
    options: (path) => ({
      movflags: path === undefined ? 'frag_custom+empty_moov+delay_moov+default_base_moof' : 'hybrid_fragmented+delay_moov',
      frag_duration: FRAGMENT,
    }),
  },
  webm: {
    endings: ['.webm'],
    videoCodecs: ['VP8', 'VP9', 'AV1'],
    audioCodecs: ['OPUS', 'MULTIOPUS'],
    transcodesTo: 'VP8',
    muxer: 'webm',
    options: MATROSKA,
  },
  matroska: {
    endings: ['.mkv', '.mka'],
    videoCodecs: ['VP8', 'H264', 'VP9', 'H265', 'AV1'],
    audioCodecs: ['OPUS', 'MULTIOPUS', 'L24', 'L16', 'PCMU', 'PCMA'],
    transcodesTo: 'H264',
    muxer: 'matroska',
    options: MATROSKA,
  },
  hls: {
    endings: ['.m3u8'],
    videoCodecs: ['H264', 'H265', 'AV1', 'VP9'],
    audioCodecs: ['OPUS', 'MULTIOPUS'],
    transcodesTo: 'H264',
    muxer: 'hls',
    options: (path) => {
      const stem = path!.slice(0, -'.m3u8'.length);
      return {
        hls_time: String(HLS_SEGMENT),
        hls_list_size: '0',
        hls_playlist_type: 'event',
        hls_segment_type: 'fmp4',
        hls_flags: 'independent_segments',
        hls_segment_filename: `${stem}-%05d.m4s`,
        hls_fmp4_init_filename: `${stem.slice(stem.lastIndexOf('/') + 1)}-init.mp4`,
      };
    },
  },
};

/** The container that a file's ending tells of. Throws `INVALID_OPTION` where it tells of none. */
export function containerOf(path: string): ContainerName {
  for (const [name, { endings }] of Object.entries(CONTAINERS)) {
    if (endings.some((ending) => path.toLowerCase().endsWith(ending))) return name as ContainerName;
  }
  const known = Object.values(CONTAINERS).flatMap(({ endings }) => endings);
  throw new TsWebRTCError(
    'INVALID_OPTION',
    `The name "${path}" tells of no container: let it end in one of ${known.join(', ')}.`,
  );
}
