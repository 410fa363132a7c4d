/** Pictures and sound without a container, for programs behind a pipe. What the reader does not take in time is left out. */
import type { Writable } from 'node:stream';
import type { Picture, Sound } from '../media/output-types.ts';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';
import type { SrcTrack } from '../webrtcsrc/src-track.ts';
import type { StdoutFormat } from './src-outputs.ts';

/** What the reader may be behind, bytes: beyond it frames are left out. */
const MOST_UNREAD = 8 << 20;

type BareFormat = Exclude<StdoutFormat, 'matroska' | 'webm' | 'mp4'>;

/** Which kind of track a format is for. */
export const kindOf = (format: BareFormat): 'video' | 'audio' => (format === 's16le' ? 'audio' : 'video');

export class BareOutput {
  readonly #format: BareFormat;
  readonly #stream: Writable;
  /** One for all tracks that follow each other: a header comes once. */
  readonly #write: (frame: never) => Uint8Array[];

  constructor(format: BareFormat, stream: Writable) {
    this.#format = format;
    this.#stream = stream;
    this.#write = format === 'y4m' ? y4mWriter() : format === 's16le' ? samplesOf : encodedWriter();
  }

  /** Writes a track until it ends or `signal` is aborted. */
  async take(track: SrcTrack, signal: AbortSignal): Promise<void> {
    const stream = this.#stream;
    const frames = this.#framesOf(track);
    const stop = (): void => void frames.return?.();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const frame of frames) {
        if (signal.aborted || !stream.writable) break;
        for (const part of stream.writableLength > MOST_UNREAD ? [] : this.#write(frame as never)) stream.write(part);
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #framesOf(track: SrcTrack): AsyncIterableIterator<unknown> {
    if (this.#format === 'y4m') return track.pictures({ format: 'I420' });
    return this.#format === 's16le' ? track.sounds({ channels: 2 }) : track.frames();
  }
}

/** YUV4MPEG2. Its readers take one size: pictures of another are left out. */
function y4mWriter(): (picture: Picture) => Uint8Array[] {
  const FRAME = Buffer.from('FRAME\n');
  let first: Picture | undefined;
  return (picture) => {
    const { width, height, data } = picture;
    if (!first) {
      first = picture;
      return [Buffer.from(`YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`), FRAME, data];
    }
    return width === first.width && height === first.height ? [FRAME, data] : [];
  };
}

function samplesOf({ samples }: Sound): Uint8Array[] {
  const integers = Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767))));
  return [new Uint8Array(integers.buffer)];
}

/** H264 and H265 as they are (Annex B), everything else in IVF. */
function encodedWriter(): (frame: InboundFrame) => Uint8Array[] {
  let origin: number | undefined;
  return (frame) => {
    const { codec, data, timestamp, keyframe } = frame;
    if (/^H26/i.test(codec)) return [data];
    const parts: Uint8Array[] = [];
    if (origin === undefined) {
      if (!keyframe) return [];
      origin = timestamp;
      parts.push(ivfHeader(codec));
    }
    const header = Buffer.alloc(12);
    header.writeUInt32LE(data.length, 0);
    header.writeBigUInt64LE(BigInt(Math.max(0, timestamp - origin)), 4);
    return [...parts, header, data];
  };
}

/** Sizes stand in the frames; readers look there. */
function ivfHeader(codec: string): Uint8Array {
  const header = Buffer.alloc(32);
  header.write('DKIF', 0);
  header.writeUInt16LE(32, 6);
  header.write(codec.toUpperCase() === 'AV1' ? 'AV01' : `${codec.toUpperCase()}0`, 8);
  header.writeUInt32LE(90_000, 16);
  header.writeUInt32LE(1, 20);
  return header;
}
