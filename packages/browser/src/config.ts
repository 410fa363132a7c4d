/** What `GstWebRTCAPI` can be told (reference §6.2): the reference's keys and defaults, and a few of our own. */
import { GstWebRTCError } from './errors.ts';

/** Options of {@link GstWebRTCAPI}. */
export interface GstWebRTCConfig {
  /** Describes this client to the other peers. Anything but an object becomes null. Default: null. */
  meta?: object | null;
  /** WebSocket address of the signalling server. Default: `ws://127.0.0.1:8443`. */
  signalingServerUrl?: string;
  /**
   * Delay before the first reconnection after an unexpected close, in ms; it doubles with each failure in a row, up to
   * `maxReconnectionTimeout`, and each wait is shortened by a random part of up to a half. ≤ 0: never reconnect. Default: 2500.
   */
  reconnectionTimeout?: number;
  /** Longest delay between two attempts, in ms. Default: 30000. */
  maxReconnectionTimeout?: number;
  /** Longest time an attempt may take until the server has registered this client, in ms. Default: 20000. */
  connectTimeout?: number;
  /**
   * Configuration of every `RTCPeerConnection`; replaces the default as a whole. The default is the reference's: two public
   * STUN servers and `max-bundle`. Pass `{ iceServers: [] }` for a local network that shall ask nobody outside.
   */
  webrtcConfig?: RTCConfiguration;
  /**
   * Asks the signalling server for STUN and TURN servers, again before their credentials expire, and uses them besides those of
   * `webrtcConfig`. The reference's server has none to give. Default: false.
   */
  requestIceServers?: boolean;
}

/** {@link GstWebRTCConfig} with nothing left out. */
export type ResolvedConfig = Readonly<Required<GstWebRTCConfig>>;

/** What holds where the application says nothing. */
export const DEFAULT_CONFIG: ResolvedConfig = Object.freeze({
  meta: null,
  signalingServerUrl: 'ws://127.0.0.1:8443',
  reconnectionTimeout: 2500,
  maxReconnectionTimeout: 30_000,
  connectTimeout: 20_000,
  webrtcConfig: {
    iceServers: [{ urls: ['stun:stun.l.google.com:19302', 'stun:stun1.l.google.com:19302'] }],
    bundlePolicy: 'max-bundle',
  } satisfies RTCConfiguration,
  requestIceServers: false,
});

/**
 * Fills in the defaults.
 * @throws GstWebRTCError `INVALID_OPTION` for an address that is none, or a delay that is not a number.
 */
export function resolveConfig(config: GstWebRTCConfig = {}): ResolvedConfig {
  const given = Object.fromEntries(Object.entries(config ?? {}).filter(([, value]) => value !== undefined));
  const merged = { ...DEFAULT_CONFIG, ...given };
  const { meta, signalingServerUrl, webrtcConfig } = merged;
  return Object.freeze({
    meta: checkedMeta(meta),
    signalingServerUrl: checkedUrl(signalingServerUrl),
    reconnectionTimeout: checkedNumber('reconnectionTimeout', merged.reconnectionTimeout),
    maxReconnectionTimeout: checkedNumber('maxReconnectionTimeout', merged.maxReconnectionTimeout),
    connectTimeout: checkedNumber('connectTimeout', merged.connectTimeout),
    webrtcConfig: webrtcConfig ?? DEFAULT_CONFIG.webrtcConfig,
    requestIceServers: merged.requestIceServers === true,
  });
}

function checkedMeta(meta: unknown): object | null {
  if (typeof meta !== 'object' || meta === null) return null;
  try {
    return JSON.parse(JSON.stringify(meta)) as object;
  } catch (cause) {
    throw new GstWebRTCError('INVALID_OPTION', 'meta cannot be written as JSON; leave out cycles and big integers', { cause });
  }
}

function checkedUrl(value: unknown): string {
  const text = String(value);
  let protocol: string;
  try {
    protocol = new URL(text).protocol;
  } catch (cause) {
    throw new GstWebRTCError('INVALID_OPTION', `signalingServerUrl "${text}" is no address; write it as ws://host:port`, {
      cause,
    });
  }
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(protocol)) {
    throw new GstWebRTCError('INVALID_OPTION', `signalingServerUrl "${text}" must begin with ws:// or wss://`);
  }
  return text;
}

function checkedNumber(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new GstWebRTCError('INVALID_OPTION', `${name} must be a number of milliseconds, not ${String(value)}`);
}
