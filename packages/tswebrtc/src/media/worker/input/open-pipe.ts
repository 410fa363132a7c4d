/** What other programs write: standard input and FIFOs. Read without blocking, so that waiting can be given up. */
import { closeSync, constants, openSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { PipeInput } from '../../types.ts';
import { openDemuxerFeed } from './demuxer-feed.ts';
import type { Feed } from './feed.ts';
import type { Source } from './source.ts';
import { inputFailed, openStreamSource } from './stream-source.ts';

const NON_BLOCKING = constants.O_RDONLY | constants.O_NONBLOCK;
const STDIN = 0;
/** Enough to recognise what streams, bytes. */
const PROBE = 1_000_000;

export async function openPipe(description: PipeInput, signal: AbortSignal): Promise<Source> {
  const { path, live = false, reconnect = true } = description;
  const name = path === undefined ? 'The standard input' : `The FIFO ${path}`;
  try {
    if (path !== undefined && !(await stat(path)).isFIFO()) throw new Error('it is none');
  } catch (cause) {
    throw inputFailed(name, cause);
  }
  const again = path !== undefined && reconnect;
  // Between one writer's end and the next one's stream somebody has to have it open: who writes to nobody fails, and what
  // was written is lost.
  let held: number | undefined;
  return openStreamSource(
    {
      name,
      open: async (given): Promise<Feed> => {
        if (held !== undefined && description.format === undefined) {
          // A writer who came at once may have gone again, and what it wrote is there.
          const feed = await openPipeFeed(description, held, given).catch(() => {});
          if (feed) return feed;
        }
        const descriptor = await openDescriptor(path, given);
        try {
          given.throwIfAborted();
          if (again) held ??= openSync(path, NON_BLOCKING);
          return await openPipeFeed(description, descriptor, given);
        } finally {
          // The demultiplexer has a duplicate of it.
          if (descriptor !== STDIN) closeSync(descriptor);
        }
      },
      live,
      atEnd: again ? 'again' : 'end',
      reconnect: again,
      closed: () => {
        if (held !== undefined) closeSync(held);
        held = undefined;
      },
    },
    signal,
  );
}

function openPipeFeed(description: PipeInput, descriptor: number, signal: AbortSignal): Promise<Feed> {
  const { format } = description;
  const options = { ...optionsOf(description), probesize: PROBE, protocol_whitelist: 'fd', fd: descriptor };
  return openDemuxerFeed({ url: 'fd:', options, ...(format === undefined ? {} : { format }) }, signal);
}

/** A descriptor that does not block, with somebody at the other end. */
async function openDescriptor(path: string | undefined, signal: AbortSignal): Promise<number> {
  if (path === undefined) {
    try {
      // Another description of the same pipe: ours does not block, whoever shares the other is left alone.
      return openSync('/dev/stdin', NON_BLOCKING);
    } catch {
      return STDIN;
    }
  }
  signal.throwIfAborted();
  // Waits for a writer; for want of another we are one when it is to be given up.
  const giveUp = (): void => closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  signal.addEventListener('abort', giveUp, { once: true });
  const waited = await open(path, 'r');
  signal.removeEventListener('abort', giveUp);
  try {
    signal.throwIfAborted();
    return openSync(path, NON_BLOCKING);
  } finally {
    await waited.close();
  }
}

function optionsOf(description: PipeInput): Record<string, string | number> {
  const { format, width, height, pixelFormat = 'yuv420p', framerate, sampleRate = 48_000, channels = 2 } = description;
  if (format === 'rawvideo') {
    return { video_size: `${width}x${height}`, pixel_format: pixelFormat, framerate: framerate ?? 30 };
  }
  if (format !== undefined && /^(s|u|f)(8|16|24|32|64)(le|be)?$/.test(format)) {
    return { sample_rate: sampleRate, ch_layout: channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels}c` };
  }
  return framerate === undefined ? {} : { framerate };
}
