/**
 * What an application may change of how a track is put into packets for one consumer (the original's `payloader-setup`, reference
 * §2.3). Packets are made once for all who share an encoding, so there is no payloader of a consumer's own to hand out: it is
 * settings that the application gets, of all that a session says in its own way.
 */
import { invalid, refused } from '../properties/property-schema.ts';
import { anyOf, boolean, delayRange, nullable, type PropertyType, uint } from '../properties/property-types.ts';
import { MAX_PLAYOUT_DELAY } from '../rtp/header-extensions.ts';
import { DEFAULT_MTU, MAX_MTU, MIN_MTU } from '../rtp/template.ts';
import { clockOf } from './session-clock.ts';
import type { SessionOptions } from './session-types.ts';
import type { SinkTrack } from './tracks.ts';

export const mtuType = uint(MIN_MTU, MAX_MTU, 'bytes');

/** How a track is put into packets for one consumer. */
export interface Payloading {
  /** Largest packet, RTP header included, bytes. Consumers that have the same one can share an encoding. */
  mtu: number;
  /** Whether transport-wide feedback is negotiated; without it congestion control has receiver reports to go by. */
  transportCc: boolean;
  /** How long the consumer is to wait before it shows a frame, at least and at most, ms; null leaves it to it. */
  playoutDelay: readonly [min: number, max: number] | null;
  /** Whether the consumer is told when frames were captured. */
  absCaptureTime: boolean;
  /** Whether it is told so as RFC 6051 says, to be in time with other streams from the first frame on. Takes the place of `absCaptureTime`. */
  ntp64: boolean;
  /** Sequence number of the first packet, 0 to 32767. Default: random. */
  seqnumOffset: number | undefined;
  /** What is added to every timestamp, 32 bits. Default: random. */
  timestampOffset: number | undefined;
}

/** What is about to be put into packets, and the settings; what is not written to it is as the sink's properties say. */
export interface PayloaderSettings extends Partial<Payloading> {
  readonly kind: 'audio' | 'video';
  /** What the consumer may choose from, most wanted first. */
  readonly codecs: readonly { readonly name: string; readonly clockRate: number }[];
}

/**
 * Called for each track of each consumer, before it is offered; what is written holds for the whole session. `trackName`:
 * `video_0`. Returns true to leave out what the sink's properties say of packets.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: so that a function may return nothing
export type PayloaderSetup = (peerId: string, trackName: string, payloader: PayloaderSettings) => boolean | void;

const TYPES: { readonly [Name in keyof Payloading]: PropertyType<unknown, Payloading[Name]> } = {
  mtu: mtuType,
  transportCc: boolean(),
  playoutDelay: nullable(delayRange(MAX_PLAYOUT_DELAY)),
  absCaptureTime: boolean(),
  ntp64: boolean(),
  // Above that a loss right at the start could be mistaken for a wrap (RFC 3711 §3.3.1).
  seqnumOffset: uint(0, 0x7fff),
  timestampOffset: uint(0, 0xffff_ffff),
};

/** Of a session: what its properties say, and the application. */
export type PayloadingOptions = Pick<
  SessionOptions,
  'peerId' | 'congestionControl' | 'playoutDelay' | 'absCaptureTime' | 'mtu' | 'referenceClock' | 'payloaderSetup'
>;

/** What holds for a track of a session. Throws `INVALID_OPTION` for what the application set and cannot be. */
export function payloadingOf(
  options: PayloadingOptions,
  { name: trackName, kind }: Pick<SinkTrack, 'name' | 'kind'>,
  codecs: PayloaderSettings['codecs'],
): Payloading {
  const { peerId, congestionControl, playoutDelay, absCaptureTime, mtu, referenceClock, payloaderSetup } = options;
  const standard: Payloading = {
    mtu: DEFAULT_MTU,
    transportCc: congestionControl !== 'disabled',
    playoutDelay: null,
    absCaptureTime: false,
    ntp64: false,
    seqnumOffset: undefined,
    timestampOffset: undefined,
  };
  const configured: Payloading = { ...standard, mtu, absCaptureTime, playoutDelay: kind === 'video' ? playoutDelay : null };
  if (!payloaderSetup) return configured;
  const payloader: PayloaderSettings = { kind, codecs: codecs.map(({ name, clockRate }) => ({ name, clockRate })) };
  const base = payloaderSetup(peerId, trackName, payloader) === true ? standard : configured;
  const { kind: _, codecs: __, ...written } = payloader;
  const settings = check(written, trackName);
  if (settings.timestampOffset !== undefined && clockOf(referenceClock)?.epoch !== undefined) {
    throw invalid(
      `payloaderSetup set timestampOffset of ${trackName}, whose timestamps count from the beginning of reference-clock.`,
    );
  }
  return { ...base, ...(settings.ntp64 ? { absCaptureTime: false } : {}), ...settings };
}

function check(written: Partial<Payloading>, trackName: string): Partial<Payloading> {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(written)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(TYPES, name)) {
      throw invalid(`payloaderSetup set ${name} of ${trackName}, but what it can set is ${anyOf(Object.keys(TYPES))}.`);
    }
    const type = TYPES[name as keyof Payloading];
    settings[name] = type.check(value);
    if (settings[name] === undefined) throw refused(type, value, `${name} that payloaderSetup set of ${trackName}`);
  }
  if (settings.ntp64 && settings.absCaptureTime) {
    throw invalid(`payloaderSetup set both ntp64 and absCaptureTime of ${trackName}, which have one place in packets: set one.`);
  }
  return settings;
}
