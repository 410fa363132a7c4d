/**
 * A session description as a typed model (RFC 8866, RFC 8829 §5): read by read.ts, written by write.ts. Attributes that may
 * stand at either level (RFC 8839 §5, RFC 8122 §5) are found in the media sections.
 */
import type { Direction } from './codecs.ts';

export interface Fingerprint {
  /** `sha-256`, … */
  readonly algorithm: string;
  /** Upper-case hex bytes joined by colons. */
  readonly value: string;
}

/** One format of an m-line, repair formats included. */
export interface Format {
  payloadType: number;
  /** Encoding name as written. */
  name: string;
  /** Hz. */
  clockRate: number;
  channels?: number;
  fmtp: Record<string, string>;
  rtcpFeedback: string[];
}

export interface Extension {
  id: number;
  uri: string;
  direction?: Direction;
}

export interface SourceDescription {
  ssrc: number;
  cname?: string;
  msid?: { stream: string; track: string };
}

/** One stream of a simulcast: names of encodings that may stand for it, the most wanted first. */
export type SimulcastStream = readonly { readonly rid: string; readonly paused: boolean }[];

export type Setup = 'actpass' | 'active' | 'passive' | 'holdconn';

export interface MediaDescription {
  /** `audio`, `video`, `application`, or whatever else the peer wrote. */
  kind: string;
  /** 0 = rejected, unless `bundleOnly`. */
  port: number;
  protocol: string;
  /** Formats of the m-line as written. */
  formatList: string[];
  mid: string | undefined;
  direction: Direction;
  bundleOnly: boolean;
  setup: Setup | undefined;
  usernameFragment: string | undefined;
  password: string | undefined;
  fingerprints: Fingerprint[];
  rtcpMux: boolean;
  rtcpReducedSize: boolean;
  rtcpMuxOnly: boolean;
  /** Those that have a rtpmap or a static number, in m-line order. */
  formats: Format[];
  extensions: Extension[];
  msid: { stream: string; track: string } | undefined;
  sources: SourceDescription[];
  sourceGroups: { semantics: string; ssrcs: number[] }[];
  /** Names of encodings (RFC 8851); restrictions as written. */
  rids: { id: string; direction: 'send' | 'recv'; restrictions: string }[];
  /** Those that are sent or received at once (RFC 8853). */
  simulcast: { send: readonly SimulcastStream[]; recv: readonly SimulcastStream[] } | undefined;
  /** The clock that timestamps are of, and how they are of it (RFC 7273 §4.8, §5.4), as written behind the colon. */
  clock?: { reference: string; media: string | undefined } | undefined;
  /** Without `a=`. */
  candidates: string[];
  endOfCandidates: boolean;
  sctpPort: number | undefined;
  maxMessageSize: number | undefined;
}

export interface SessionDescription {
  sessionId: string;
  sessionVersion: string;
  iceLite: boolean;
  iceOptions: string[];
  /** mids of the BUNDLE group. */
  bundle: string[];
  media: MediaDescription[];
}
