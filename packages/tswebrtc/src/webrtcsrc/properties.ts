/**
 * The properties of `webrtcsrc` (reference §3.2, §3.3), declared once, and the options of the class that follow from them.
 * Names, types and defaults are the original's except where a line says otherwise.
 */
import type { Logger } from '../common/logger.ts';
import type { AudioCodecName, MediaEngine, VideoCodecName } from '../media/types.ts';
import { codecList } from '../properties/codec-list.ts';
import { AUDIO_TYPES, VIDEO_TYPES } from '../properties/codec-types.ts';
import { type NamedProperty, nameProperties } from '../properties/named-properties.ts';
import { networkProperties } from '../properties/network.ts';
import {
  describeSchema,
  type InputOf,
  invalid,
  type OutputOf,
  property,
  resolveOptions,
  type Schema,
  theOption,
} from '../properties/property-schema.ts';
import { boolean, nullable, structure, text, uint, uri } from '../properties/property-types.ts';
import { isSignaller, linkProperties } from '../properties/signaller.ts';
import type { Signaller } from '../signalling/signaller.ts';

export type SrcVideoCodec = VideoCodecName;
export type SrcAudioCodec = AudioCodecName;

export const srcProperties = {
  videoCodecs: property({
    type: codecList(VIDEO_TYPES),
    default: ['VP8', 'H264', 'VP9', 'H265', 'AV1'],
    when: 'ready',
    doc: 'Video codecs to take, most wanted first; none takes no video.',
  }),
  audioCodecs: property({
    type: codecList(AUDIO_TYPES),
    // The original has no G.711, which is for peers that have nothing else.
    default: ['OPUS', 'MULTIOPUS', 'PCMU', 'PCMA'],
    when: 'ready',
    doc: 'Audio codecs to take, most wanted first; none takes no audio.',
  }),
  ...networkProperties,
  doRetransmission: property({
    type: boolean(),
    default: true,
    when: 'ready',
    doc: 'Ask the producer for lost packets (RFC 4585, RFC 4588).',
  }),
  connectToFirstProducer: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Take the first producer there is, and wait for one.',
  }),
  // Ours: the original only answers, except to signallers such as WHEP that ask for an offer.
  makeOffer: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Make the offer, which travels with the request for the session, instead of waiting for the producer to make one.',
  }),
  // Ours: the original leaves 200 ms to its connection.
  minPlayoutDelay: property({
    type: uint(0, 10_000, 'ms'),
    default: 0,
    when: 'ready',
    doc: 'How long frames wait in any case so that they come evenly; beyond it as long as the measured jitter asks.',
  }),
  maxPlayoutDelay: property({
    type: uint(0, 60_000, 'ms'),
    default: 1000,
    when: 'ready',
    doc: 'How long frames wait at most, for those before them to be repaired as well.',
  }),
  enableDataChannelNavigation: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Send navigation events over the older data channel, labelled input.',
  }),
  enableControlDataChannel: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Send navigation and custom events over the data channel labelled control, which answers them.',
  }),
  meta: property({
    type: nullable(structure()),
    default: null,
    when: 'ready',
    doc: 'Free-form description of this consumer.',
  }),
} satisfies Schema;

/** Properties of the default signaller (reference §4.5). */
export const srcSignallerProperties = {
  uri: property({
    type: uri(['ws', 'wss', 'gstwebrtc', 'gstwebrtcs'], 'gstwebrtc://127.0.0.1:8443?peer-id=ID'),
    default: 'ws://127.0.0.1:8443',
    when: 'ready',
    doc: 'Signalling server, and with ?peer-id=ID or ?connect-to-first-producer the producer to take.',
  }),
  producerPeerId: property({
    type: nullable(text('id')),
    default: null,
    when: 'ready',
    doc: 'The producer to take; none, and none in the URI: wait for a producer that starts a session.',
  }),
  ...linkProperties,
} satisfies Schema;

/** All properties, in order of declaration, the default signaller's last. */
export const namedSrcProperties: readonly NamedProperty[] = nameProperties(srcProperties, srcSignallerProperties);

/** The properties as a Markdown table. */
export function describeSrcProperties(): string {
  return describeSchema(srcProperties) + describeSchema(srcSignallerProperties, 'signaller::').split('\n').slice(2).join('\n');
}

/** Options of the default signaller. */
export type SrcSignallerOptions = InputOf<typeof srcSignallerProperties>;

/** Options of `WebRTCSrc`: every property of `webrtcsrc` in camel case, and what only a program can give. */
export type WebRTCSrcOptions = InputOf<typeof srcProperties> & {
  /** A signaller of your own, or options of the default one. */
  readonly signaller?: Signaller | SrcSignallerOptions;
  /** An engine that is shared, and not closed with the source. Default: one of its own, loaded when first needed. */
  readonly engine?: MediaEngine;
  /** Silent by default. */
  readonly logger?: Logger;
};

export type ResolvedSrcOptions = OutputOf<typeof srcProperties> & {
  readonly signaller: Signaller | OutputOf<typeof srcSignallerProperties>;
};

/** Checks options and fills in the defaults. Throws `INVALID_OPTION` with one sentence that names the option, as `spelling` writes it. */
export function validateSrcOptions(options: WebRTCSrcOptions = {}, spelling = theOption): ResolvedSrcOptions {
  const resolved = resolveOptions(srcProperties, options, { others: ['signaller', 'logger', 'engine'], spelling });
  const { minPlayoutDelay, maxPlayoutDelay } = resolved;
  if (minPlayoutDelay > maxPlayoutDelay) {
    throw invalid(
      `${spelling('minPlayoutDelay')} is ${minPlayoutDelay} ms, but it must not exceed ${spelling('maxPlayoutDelay')}, which is ${maxPlayoutDelay} ms.`,
    );
  }
  const signaller = options.signaller ?? {};
  if (typeof signaller !== 'object') {
    throw invalid(`${spelling('signaller')} must be an object of options such as { uri }, or a Signaller.`);
  }
  if (isSignaller(signaller)) return { ...resolved, signaller };
  const inner = { spelling: (key: string): string => spelling(`signaller.${key}`) };
  return { ...resolved, signaller: resolveOptions(srcSignallerProperties, signaller, inner) };
}
