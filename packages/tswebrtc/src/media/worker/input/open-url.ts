/** Inputs by URL: what each scheme needs. */
import type { UrlInput } from '../../types.ts';
import { nameOfUrl } from '../../url-name.ts';
import { type DemuxerFeed, type DemuxerOptions, openDemuxerFeed } from './demuxer-feed.ts';
import type { Feed } from './feed.ts';
import { openRtspFeed } from './rtsp/rtsp-feed.ts';
import type { Source } from './source.ts';
import { inputFailed, openStreamSource } from './stream-source.ts';

/** s */
const TIMEOUT = 5;
/** What may be looked at before a stream is shown, bytes and µs: who comes between two keyframes waits for the next one, and no longer. */
const LIVE_PROBE = { probesize: 10_000_000, analyzeduration: 10_000_000 };
/** What is live whatever it brings. */
const LIVE_SCHEMES: ReadonlySet<string> = new Set(['srt', 'udp', 'rtmp']);
/** Formats that are live whatever brings them. */
const LIVE_FORMATS = /^(mpjpeg|mpegts)$/;

export async function openUrl(description: UrlInput, signal: AbortSignal): Promise<Source> {
  const { url, reconnect = true, timeout = TIMEOUT, transport = 'tcp', insecureTls = false } = description;
  const scheme = /^[a-z]+/i.exec(url)![0].toLowerCase();
  const name = `The stream ${nameOfUrl(url)}`;
  if (scheme === 'rtsp' || scheme === 'rtsps') {
    const open = (given: AbortSignal): Promise<Feed> =>
      openRtspFeed({ url, transport, timeout: timeout * 1000, insecureTls }, given);
    return openStreamSource({ name, open, live: description.live ?? true, atEnd: 'again', reconnect }, signal);
  }
  const demuxer: DemuxerOptions = {
    url,
    options: optionsFor(scheme, description),
    unreadable: unreadable(scheme, timeout),
    ...(scheme === 'rtmp' ? { patience: patienceFor(description) } : {}),
  };
  let first: DemuxerFeed | undefined = await openFirst(demuxer, name, signal);
  if (description.loop && !first.finite) {
    first.close();
    throw inputFailed(name, new Error('it has no known end at which it could start over (loop); leave that out'));
  }
  const live = description.live ?? (LIVE_SCHEMES.has(scheme) || (!first.finite && LIVE_FORMATS.test(first.format)));
  const endless = live || (first.format === 'hls' && !first.finite);
  const open = async (given: AbortSignal): Promise<Feed> => {
    const feed = first ?? (await openDemuxerFeed(demuxer, given));
    first = undefined;
    return feed;
  };
  const atEnd = description.loop ? 'loop' : endless ? 'again' : 'end';
  return openStreamSource({ name, open, live, atEnd, reconnect }, signal);
}

async function openFirst(demuxer: DemuxerOptions, name: string, signal: AbortSignal): Promise<DemuxerFeed> {
  try {
    return await openDemuxerFeed(demuxer, signal);
  } catch (cause) {
    throw inputFailed(name, cause);
  }
}

function unreadable(scheme: string, timeout: number): DemuxerOptions['unreadable'] {
  if (scheme === 'udp') return { opening: `nothing comes within ${timeout} s`, reading: `nothing came for ${timeout} s` };
  return { opening: 'nobody answers', reading: 'the connection broke off' };
}

/** FFmpeg's RTMP knows no timeout. Who listens waits for a sender as long as it takes. */
function patienceFor({ timeout = TIMEOUT, listen = false }: UrlInput): NonNullable<DemuxerOptions['patience']> {
  const reading = timeout * 1000;
  return listen ? { reading } : { opening: reading, reading };
}

function optionsFor(scheme: string, description: UrlInput): Readonly<Record<string, string | number>> {
  const { timeout = TIMEOUT, insecureTls = false, listen = false } = description;
  const microseconds = Math.round(timeout * 1e6);
  switch (scheme) {
    case 'http':
    case 'https':
      return {
        rw_timeout: microseconds,
        // Where a server drops a file in the middle the rest is asked for.
        reconnect: 1,
        reconnect_delay_max: 4,
        tls_verify: insecureTls ? 0 : 1,
        protocol_whitelist: 'http,https,tcp,tls,crypto,httpproxy,data',
        // What a file does not need to be recognised need not be read first.
        probesize: 5_000_000,
        analyzeduration: 1_000_000,
      };
    case 'srt':
      return {
        ...LIVE_PROBE,
        timeout: microseconds,
        ...(listen ? { mode: 'listener' } : {}),
        protocol_whitelist: 'srt,udp',
      };
    case 'rtmp':
      // Its `timeout` is another thing: with it, it listens.
      return { ...LIVE_PROBE, rtmp_live: 'live', ...(listen ? { listen: 1 } : {}), protocol_whitelist: 'rtmp,tcp' };
    default:
      // A burst that is too long for us costs packets, not the stream.
      return { ...LIVE_PROBE, timeout: microseconds, overrun_nonfatal: 1, protocol_whitelist: 'udp,rtp' };
  }
}
