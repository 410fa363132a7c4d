/** Runs one encoding in this thread: opens the encoder, takes raw frames, puts encoded ones into the ring, obeys the engine. */
import type { MessagePort } from 'node:worker_threads';
import { asError } from '../../../common/errors.ts';
import { EncodedRingWriter } from '../../encoded-ring.ts';
import type { EncoderChoice } from '../../encoders.ts';
import type { EncoderCounters, FromEncoding, ToEncoding } from '../messages.ts';
import { AudioEncoding } from './audio-encoding.ts';
import { Inlet, type RawFrame } from './inlet.ts';
import type { FrameTimes, PacketInfo } from './video-encoder.ts';
import { VideoEncoding } from './video-encoding.ts';

/** What video and audio encodings have in common. */
export interface RunningEncoding {
  readonly counters: EncoderCounters;
  /** Video: frames of the last second. */
  readonly framesPerSecond?: number;
  /** Encodes a frame and releases it. Never throws. */
  take(frame: RawFrame): void;
  requestKeyframe(): void;
  setBitrate(bitrate: number): void;
  setFormat(format: { width?: number; height?: number; framerate?: number }): void;
  drain(): void;
  close(): void;
}

/** Where an encoding puts what it makes. */
export interface EncodingOutput {
  /** False when there was no room: the frame is lost. */
  write(data: Uint8Array, info: Pick<PacketInfo, 'keyframe' | 'temporalLayer'>, times: FrameTimes): boolean;
  failed(error: unknown): void;
  /** Video: which encoder is used from now on. */
  chosen?(choice: EncoderChoice): void;
}

type OpenEncoding = Extract<ToEncoding, { type: 'open-encoding' }>;

function snapshot({ counters, framesPerSecond }: RunningEncoding): EncoderCounters {
  return framesPerSecond === undefined ? counters : { ...counters, framesPerSecond };
}

export async function serveEncoding(port: MessagePort, open: OpenEncoding): Promise<void> {
  const post = (message: FromEncoding): void => port.postMessage(message);
  const ring = new EncodedRingWriter(open.ring);
  let encoding: RunningEncoding | undefined;
  let inlet: Inlet | undefined;
  let closed = false;

  const close = (): void => {
    if (closed) return;
    closed = true;
    inlet?.close();
    encoding?.close();
    port.close();
  };
  const output: EncodingOutput = {
    write(data, { keyframe, temporalLayer }, { timestamp, duration, captureTime }) {
      const position = ring.write(data);
      if (position < 0) return false;
      const { length } = data;
      post({ type: 'encoded', position, length, timestamp, duration, captureTime, keyframe, temporalLayer });
      return true;
    },
    chosen: (choice) => post({ type: 'encoder-chosen', choice }),
    failed(error) {
      if (closed) return;
      const { code, message } = asError(error, 'ENCODER_FAILED');
      post({ type: 'failed', error: { code, message } });
      close();
    },
  };

  const serve = (message: ToEncoding): void => {
    if (message.type === 'close') close();
    if (closed || !encoding) return;
    const running = encoding;
    switch (message.type) {
      case 'attach':
        inlet = new Inlet(message.port, {
          take: (frame) => running.take(frame),
          ended: () => {
            try {
              running.drain();
              post({ type: 'ended' });
            } catch (error) {
              output.failed(error);
            }
          },
          dropped: (count) => {
            running.counters.framesDropped += count;
          },
        });
        return;
      case 'keyframe':
        running.requestKeyframe();
        return;
      case 'bitrate':
        running.setBitrate(message.bitrate);
        return;
      case 'format':
        running.setFormat(message);
        return;
      case 'stats':
        post({ type: 'stats', id: message.id, stats: snapshot(running) });
    }
  };
  port.on('message', (message: ToEncoding) => {
    try {
      serve(message);
    } catch (error) {
      output.failed(error);
    }
  });

  try {
    const opened =
      open.track.kind === 'video'
        ? await VideoEncoding.open(
            open.options,
            { ...open.track.format, colorSpace: open.track.colorSpace },
            output,
            open.candidates,
          )
        : await AudioEncoding.open(open.options, open.track.format.channels, output);
    if (closed) return opened.close();
    encoding = opened;
    post({ type: 'encoding-opened', codec: open.options.codec, stats: opened.counters });
  } catch (error) {
    output.failed(error);
  }
}
