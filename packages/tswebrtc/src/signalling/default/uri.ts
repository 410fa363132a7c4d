/**
 * The URI of a signalling server (reference §3.3, §4.5). `gstwebrtc:` and `gstwebrtcs:` stand for `ws:` and `wss:`. Two query
 * parameters are for us and never reach the server; all others do, so that tokens can travel in the URI.
 */
import { TsWebRTCError } from '../../common/errors.ts';

export interface SignallingUri {
  /** Where to connect. */
  readonly url: string;
  /** The URI without credentials and query, which may hold secrets: for messages and logs. */
  readonly displayName: string;
  /** Of the parameter `peer-id`. */
  readonly peerId: string | undefined;
  /** Of the parameter `connect-to-first-producer`. */
  readonly connectToFirstProducer: boolean;
}

const SCHEMES: Readonly<Record<string, string>> = {
  'ws:': 'ws:',
  'wss:': 'wss:',
  'gstwebrtc:': 'ws:',
  'gstwebrtcs:': 'wss:',
};

/** Reads the URI of a signalling server. Throws `INVALID_OPTION`. */
export function parseSignallingUri(text: string): SignallingUri {
  const scheme = SCHEMES[/^[a-z]+:/i.exec(text)?.[0].toLowerCase() ?? ''];
  let url: URL;
  try {
    if (!scheme) throw new TypeError('The scheme is not one of ws, wss, gstwebrtc and gstwebrtcs.');
    // The scheme first: the parts of a URL with a scheme that is not a standard one are read in another way.
    url = new URL(scheme + text.slice(text.indexOf(':') + 1));
  } catch (cause) {
    throw new TsWebRTCError(
      'INVALID_OPTION',
      `The signalling URI ${withoutSecrets(text)} is not valid: give one like ws://127.0.0.1:8443 or wss://example.org/signalling.`,
      { cause },
    );
  }
  const parameters = new URLSearchParams(url.search);
  const first = parameters.get('connect-to-first-producer');
  // Edited as text: writing it from the parsed parameters would change how the rest is escaped.
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !/^(peer-id|connect-to-first-producer)(=|$)/.test(pair));
  url.search = kept.length > 0 ? `?${kept.join('&')}` : '';
  url.hash = '';
  return {
    url: url.href,
    displayName: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    peerId: parameters.get('peer-id') || undefined,
    connectToFirstProducer: first !== null && ['', '1', 'true'].includes(first.toLowerCase()),
  };
}

function withoutSecrets(text: string): string {
  return JSON.stringify(text.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//'));
}
