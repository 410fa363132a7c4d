/** Inputs by URL: what each scheme needs. */
import type { UrlInput } from '../../types.ts';
import { nameOfUrl } from '../../url-name.ts';
import { type DemuxerFeed, openDemuxerFeed } from './demuxer-feed.ts';
import type { Feed } from './feed.ts';
import { openRtspFeed } from './rtsp/rtsp-feed.ts';
import type { Source } from './source.ts';
import { inputFailed, openStreamSource } from './stream-source.ts';

/** s */
const TIMEOUT = 5;
/** What may be looked at before a live stream is shown, bytes and µs. */
const LIVE_PROBE = { probesize: 500_000, analyzeduration: 1_000_000 };
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
  const options = optionsFor(scheme, timeout, insecureTls);
  let first: DemuxerFeed | undefined = await openDemuxer(url, options, name, signal);
  if (description.loop && !first.finite) {
    first.close();
    throw inputFailed(name, new Error('it has no known end at which it could start over (loop); leave that out'));
  }
  const live = description.live ?? (scheme === 'srt' || scheme === 'udp' || (!first.finite && LIVE_FORMATS.test(first.format)));
  const endless = live || (first.format === 'hls' && !first.finite);
  const open = async (given: AbortSignal): Promise<Feed> => {
    const feed = first ?? (await openDemuxerFeed({ url, options }, given));
    first = undefined;
    return feed;
  };
  const atEnd = description.loop ? 'loop' : endless ? 'again' : 'end';
  return openStreamSource({ name, open, live, atEnd, reconnect }, signal);
}

async function openDemuxer(
  url: string,
  options: Readonly<Record<string, string | number>>,
  name: string,
  signal: AbortSignal,
): Promise<DemuxerFeed> {
  try {
    return await openDemuxerFeed({ url, options }, signal);
  } catch (cause) {
    throw inputFailed(name, cause);
  }
}

function optionsFor(scheme: string, timeout: number, insecureTls: boolean): Readonly<Record<string, string | number>> {
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
        ...LIVE_PROBE,
        probesize: 5_000_000,
      };
    case 'srt':
      return { ...LIVE_PROBE, timeout: microseconds, protocol_whitelist: 'srt,udp' };
    default:
      return { ...LIVE_PROBE, timeout: microseconds, protocol_whitelist: 'udp,rtp' };
  }
}
