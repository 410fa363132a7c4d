/** The options of `SignallingServer.listen`, and their check at the public entry. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { SignallingServerError } from './errors.ts';
import type { Logger } from './logger.ts';

export interface SignallingServerOptions {
  /** Address or name to listen on; 127.0.0.1 by default. Anything but a loopback address opens the server to others. */
  readonly host?: string;
  /** TCP port; 8443 by default, 0 takes a free one. */
  readonly port?: number;
  /** PEM file of the certificate chain; together with `key` turns TLS on. */
  readonly cert?: string;
  /** PEM file of the private key. */
  readonly key?: string;
  /** Additional headers of the HTTP response that opens each WebSocket. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Silent by default. */
  readonly logger?: Logger;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal;
  /** Greatest size of a message from a peer, in bytes; 1 MiB by default. A larger one ends its connection with code 1009. */
  readonly maxMessageSize?: number;
  /** How much may wait to be sent to one peer, in bytes, before it is given up with code 1013; 16 MiB by default. */
  readonly maxBacklog?: number;
  /** How dead peers are found. */
  readonly keepAlive?: KeepAliveOptions;
}

/** A silent dead peer is gone after `pingAfter` + `pongTimeout` + 2 s at most: 27 s by default. */
export interface KeepAliveOptions {
  /** A peer that has been silent this long, in ms, is pinged; 10,000 by default. */
  readonly pingAfter?: number;
  /** A peer that answers no ping for this long, in ms, is dropped; 15,000 by default. */
  readonly pongTimeout?: number;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly host: string;
  readonly port: number;
  readonly headers: readonly string[];
  readonly maxMessageSize: number;
  readonly maxBacklog: number;
  readonly pingAfter: number;
  readonly pongTimeout: number;
}

export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_PORT = 8443;

/** Checks the options and fills in the defaults. Throws `INVALID_OPTION` naming the option. */
export function resolveOptions(options: SignallingServerOptions): ResolvedOptions {
  const host = options.host ?? DEFAULT_HOST;
  // Node would listen on every network then; whoever wants that says so with 0.0.0.0 or ::.
  if (typeof host !== 'string' || host.trim() === '') throw invalid('The host is empty: give an address or name to listen on.');
  const port = options.port ?? DEFAULT_PORT;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalid(`The port ${port} is none: give a whole number from 0 to 65535.`);
  const headers: string[] = [];
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (cause) {
      throw invalid(`The HTTP header ${JSON.stringify(name)} has a name or value that HTTP does not allow: correct it.`, cause);
    }
    headers.push(`${name}: ${value}`);
  }
  return {
    host,
    port,
    headers,
    maxMessageSize: positive('maxMessageSize', options.maxMessageSize ?? 2 ** 20),
    maxBacklog: positive('maxBacklog', options.maxBacklog ?? 16 * 2 ** 20),
    pingAfter: positive('keepAlive.pingAfter', options.keepAlive?.pingAfter ?? 10_000),
    pongTimeout: positive('keepAlive.pongTimeout', options.keepAlive?.pongTimeout ?? 15_000),
  };
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw invalid(`The option ${name} is ${value}: give a number above 0.`);
}

function invalid(message: string, cause?: unknown): SignallingServerError {
  return new SignallingServerError('INVALID_OPTION', message, { cause });
}
