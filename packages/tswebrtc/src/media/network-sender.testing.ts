/** Sends a media file over the network, over and over and in real time, as encoders and studios do, for tests. */
import type * as Av from 'node-av/lib';
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface NetworkSender {
  /** Resolves when it is over: stopped, without a receiver, or its receiver gone. */
  readonly over: Promise<void>;
  stop(): Promise<void>;
}

/** `format`: FFmpeg's name of the multiplexer. A `url` that listens waits for its receiver. */
export function startNetworkSender(path: string, url: string, format: 'mpegts' | 'flv'): NetworkSender {
  const abort = new AbortController();
  const sending = send(path, url, format, abort.signal);
  // What a receiver does is what tests are about.
  const over = sending.catch(() => {});
  return {
    over,
    stop: () => {
      abort.abort();
      return over;
    },
  };
}

/** Packets lie up to so much before the time at which a file begins: B-frames, what a decoder of sound needs first. s */
const LEAD_IN = 0.1;

async function send(path: string, url: string, muxer: string, signal: AbortSignal): Promise<void> {
  addWithResolvers();
  const av = await import('node-av/lib');
  const check = (result: number): void => av.FFmpegError.throwIfError(result);
  const input = new av.FormatContext();
  check(await input.openInput(path));
  check(await input.findStreamInfo());
  const output = new av.FormatContext();
  output.allocOutputContext2(null, muxer, url);
  for (const { codecpar } of input.streams) {
    const stream = output.newStream();
    check(codecpar.copy(stream.codecpar));
    stream.codecpar.codecTag = 0;
  }
  const packet = new av.Packet();
  packet.alloc();
  // It may wait for a receiver.
  const interrupt = (): void => output.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  const isStopped = (): boolean => signal.aborted;
  try {
    check(await output.openOutput());
    check(await output.writeHeader());
    const started = performance.now();
    for (let offset = 0; ; ) {
      const length = await sendOnce(av, input, output, packet, { offset, started, isStopped });
      if (isStopped()) return;
      offset += length + LEAD_IN;
    }
  } finally {
    signal.removeEventListener('abort', interrupt);
    packet.free();
    await output.closeOutput().catch(() => {});
    await input.closeInput();
  }
}

/** Sends the file once; resolves with its length, s. */
async function sendOnce(
  av: typeof Av,
  input: Av.FormatContext,
  output: Av.FormatContext,
  packet: Av.Packet,
  { offset, started, isStopped }: { offset: number; started: number; isStopped: () => boolean },
): Promise<number> {
  let end = 0;
  while (!isStopped() && (await input.readFrame(packet)) >= 0) {
    const { timeBase } = input.streams[packet.streamIndex]!;
    const seconds = (stamp: bigint): number => (Number(stamp) * timeBase.num) / timeBase.den;
    end = Math.max(end, seconds(packet.pts + packet.duration));
    const wait = started + (offset + seconds(packet.dts)) * 1000 - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const shift = BigInt(Math.round((offset * timeBase.den) / timeBase.num));
    packet.pts += shift;
    packet.dts += shift;
    packet.rescaleTs(timeBase, output.streams[packet.streamIndex]!.timeBase);
    av.FFmpegError.throwIfError(await output.interleavedWriteFrame(packet));
  }
  const { AVSEEK_FLAG_BACKWARD } = await import('node-av/constants');
  av.FFmpegError.throwIfError(await input.seekFrame(-1, 0n, AVSEEK_FLAG_BACKWARD));
  return end;
}
