/** `stun:` and `turn:` URLs (RFC 7064, RFC 7065, and the reference's `turn://user:password@host` form) as addresses. */
import { TsWebRTCError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { IceServer } from '../types.ts';

export interface StunServer {
  readonly host: string;
  readonly port: number;
}

export interface TurnServer extends StunServer {
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** The URL without the credentials, for people. */
  readonly url: string;
  readonly username: string;
  readonly credential: string;
}

const URL_FORM = /^(stuns?|turns?):(?:\/\/)?(?:([^@/?]*)@)?(\[[^\]]+\]|[^:/?]+)(?::(\d+))?\/?(?:\?transport=(udp|tcp))?$/i;

/** Reads the servers in their order; throws `INVALID_OPTION` for a URL that cannot be understood. */
export function parseIceServers(servers: readonly IceServer[]): { stun: StunServer[]; turn: TurnServer[] } {
  const stun: StunServer[] = [];
  const turn: TurnServer[] = [];
  for (const server of servers) {
    for (const url of typeof server.urls === 'string' ? [server.urls] : server.urls) {
      const match = URL_FORM.exec(url.trim());
      // The URL may hold a password, so the message shows its scheme only.
      if (!match)
        throw new TsWebRTCError('INVALID_OPTION', `an ICE server URL is malformed; write stun:host:port or turn:host:port`);
      const scheme = match[1]!.toLowerCase();
      const secure = scheme.endsWith('s');
      const host = match[3]!.replace(/^\[|\]$/g, '');
      const port = match[4] ? Number(match[4]) : secure ? 5349 : 3478;
      if (port < 1 || port > 65535)
        throw new TsWebRTCError('INVALID_OPTION', `ICE server port ${port} is not between 1 and 65535`);
      if (scheme.startsWith('stun')) {
        stun.push({ host, port });
        continue;
      }
      const [user, password] = (match[2] ?? '').split(':').map(decodeSafely);
      const overTcp = match[5]?.toLowerCase() === 'tcp';
      turn.push({
        host,
        port,
        transport: secure ? 'tls' : overTcp ? 'tcp' : 'udp',
        url: `${scheme}:${match[3]}:${port}${overTcp ? '?transport=tcp' : ''}`,
        username: server.username ?? user ?? '',
        credential: server.credential ?? password ?? '',
      });
    }
  }
  return { stun, turn };
}

/** Of what a signalling server names, what can be understood; the log is told once of the rest, without the URLs' passwords. */
export function usableIceServers(servers: readonly IceServer[], logger: Logger): IceServer[] {
  const usable: IceServer[] = [];
  let ignored = 0;
  let reason = '';
  for (const server of servers) {
    for (const urls of typeof server.urls === 'string' ? [server.urls] : server.urls) {
      try {
        parseIceServers([{ ...server, urls }]);
        usable.push({ ...server, urls });
      } catch (error) {
        ignored++;
        reason = (error as Error).message;
      }
    }
  }
  if (ignored > 0) logger.warn({ ignored, reason }, 'the signalling server names ICE servers that cannot be used');
  return usable;
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
