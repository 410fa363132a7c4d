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
  const openFeed = (given: AbortSignal): Promise<Feed> => openPipeFeed(description, given);
  return openStreamSource({ name, open: openFeed, live, atEnd: again ? 'again' : 'end', reconnect: again }, signal);
}

/** Waits for somebody to write. */
async function openPipeFeed(description: PipeInput, signal: AbortSignal): Promise<Feed> {
  const { path, format } = description;
  const descriptor = await openDescriptor(path, signal);
  try {
    const options = { ...optionsOf(description), probesize: PROBE, protocol_whitelist: 'fd', fd: descriptor };
    // The demultiplexer has a duplicate of it.
    return await openDemuxerFeed({ url: 'fd:', options, ...(format === undefined ? {} : { format }) }, signal);
  } finally {
    if (descriptor !== STDIN) closeSync(descriptor);
  }
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
