/**
 * STUN and TURN servers for peers, with credentials that expire, by the scheme of coturn (its `use-auth-secret`; "A REST API For
 * Access To TURN Services", draft-uberti-behave-turn-rest): the user name begins with the time until which it is good, the
 * password is its HMAC, and the TURN server, which has the same secret, needs no list of users.
 */
import { createHmac } from 'node:crypto';
import type { IceServer, ServerMessageOf } from '@tswebrtc/protocol';
import { SignallingServerError } from './errors.ts';

export interface IceServerOptions {
  /** `stun:`, `turn:` and `turns:` URIs (RFC 7064, RFC 7065). */
  readonly urls: readonly string[];
  /** The secret that is shared with the TURN servers. */
  readonly secret?: string;
  /** For how many seconds credentials are good; 43,200 (12 hours) by default. */
  readonly ttl?: number;
}

const DEFAULT_TTL = 43_200;

export class IceServers {
  readonly #stun: readonly string[];
  readonly #turn: readonly string[];
  readonly #secret: string | undefined;
  readonly #ttl: number;

  /** Throws `INVALID_OPTION`. */
  constructor({ urls, secret, ttl = DEFAULT_TTL }: IceServerOptions) {
    for (const url of urls)
      if (!isIceUrl(url))
        throw invalid(
          `The ICE server ${JSON.stringify(url)} is none: write it as stun:host:port or turn:host:port?transport=udp.`,
        );
    if (!(Number.isFinite(ttl) && ttl > 0)) throw invalid(`The lifetime of TURN credentials is ${ttl}: give seconds above 0.`);
    this.#stun = urls.filter((url) => url.startsWith('stun'));
    this.#turn = urls.filter((url) => url.startsWith('turn'));
    if (this.#turn.length > 0 && !secret)
      throw invalid(`The TURN server ${this.#turn[0]} needs credentials: give the secret that it shares with this server.`);
    this.#secret = secret;
    this.#ttl = ttl;
  }

  /** The servers for `user`, a name for the logs of the TURN server, from time `now` (ms since 1970) on. */
  for(user: string, now: number): Omit<ServerMessageOf<'iceServers'>, 'type'> {
    const iceServers: IceServer[] = this.#stun.length > 0 ? [{ urls: [...this.#stun] }] : [];
    if (this.#secret === undefined || this.#turn.length === 0) return { iceServers, ttl: null };
    const username = `${Math.floor(now / 1000) + this.#ttl}:${user}`;
    const credential = createHmac('sha1', this.#secret).update(username).digest('base64');
    iceServers.push({ urls: [...this.#turn], username, credential });
    return { iceServers, ttl: this.#ttl };
  }
}

/** As RFC 7064 and RFC 7065 have them, and as the clients of this project read them. */
function isIceUrl(url: string): boolean {
  const match = /^(stuns?|turns?):(\[[\da-f:.]+\]|[^:/?[\]\s@]+)(?::(\d+))?(\?transport=(?:udp|tcp))?$/i.exec(url);
  if (!match) return false;
  const [, scheme, , port, transport] = match;
  return (
    (port === undefined || (Number(port) > 0 && Number(port) < 65_536)) && (scheme!.startsWith('turn') || transport === undefined)
  );
}

function invalid(message: string): SignallingServerError {
  return new SignallingServerError('INVALID_OPTION', message);
}
