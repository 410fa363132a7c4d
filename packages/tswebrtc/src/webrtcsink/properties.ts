/**
 * The properties of `webrtcsink` (reference §2.2), declared once, and what follows from them: the options of the class and
 * their checks. Names, types, defaults and ranges are the original's except where a line says otherwise.
 */
import type { Logger } from '../common/logger.ts';
import { ENCODER_PREFERENCES } from '../media/encoders.ts';
import type { MediaEngine } from '../media/types.ts';
import { codecList } from '../properties/codec-list.ts';
import { AUDIO_TYPES, VIDEO_TYPES } from '../properties/codec-types.ts';
import { type NamedProperty, nameProperties } from '../properties/named-properties.ts';
import { networkProperties } from '../properties/network.ts';
import {
  describeSchema,
  type InputOf,
  invalid,
  kebabCase,
  type OutputOf,
  parsePropertyText,
  property,
  resolveOptions,
  type Schema,
  theOption,
} from '../properties/property-schema.ts';
import { boolean, choice, delayRange, flags, int, nullable, structure, text, uint, uri } from '../properties/property-types.ts';
import { referenceClock } from '../properties/reference-clock.ts';
import { isSignaller, linkProperties } from '../properties/signaller.ts';
import { MAX_PLAYOUT_DELAY } from '../rtp/header-extensions.ts';
import { DEFAULT_MTU } from '../rtp/template.ts';
import { checkHeaders } from '../signalling/default/http-headers.ts';
import type { Signaller } from '../signalling/signaller.ts';
import type { RequestEncodedFilter } from './encoded-filter.ts';
import type { EncoderSetup } from './encoder-setup.ts';
import { mtuType, type PayloaderSetup } from './payloader-setup.ts';
import type { ConfigureMitigationCaps } from './sharing/mitigation.ts';

const MAX_UINT = 0xffff_ffff;
const MAX_INT = 0x7fff_ffff;

export const sinkProperties = {
  videoCaps: property({
    type: codecList(VIDEO_TYPES),
    default: ['VP8', 'H264', 'VP9', 'H265', 'AV1'],
    when: 'ready',
    alias: 'videoCodecs',
    doc: 'Video codecs to offer, most wanted first; those of which no encoder opens are left out, and none offers no video.',
  }),
  audioCaps: property({
    type: codecList(AUDIO_TYPES),
    // The original has no G.711, which is for peers that have nothing else.
    default: ['OPUS', 'MULTIOPUS', 'PCMU', 'PCMA'],
    when: 'ready',
    alias: 'audioCodecs',
    doc: 'Audio codecs to offer, most wanted first; none offers no audio. MULTIOPUS is offered for inputs of more than two channels.',
  }),
  ...networkProperties,
  minBitrate: property({
    type: uint(1, MAX_UINT, 'bit/s'),
    default: 1000,
    when: 'ready',
    doc: 'Lowest bitrate of a video encoder.',
  }),
  maxBitrate: property({
    type: uint(1, MAX_UINT, 'bit/s'),
    default: 8_192_000,
    when: 'ready',
    doc: 'Highest bitrate of a video encoder.',
  }),
  startBitrate: property({
    type: uint(1, MAX_UINT, 'bit/s'),
    default: 2_048_000,
    when: 'ready',
    doc: 'Bitrate at which a session begins, held between min-bitrate and max-bitrate.',
  }),
  congestionControl: property({
    type: choice('disabled', 'homegrown', 'gcc'),
    default: 'gcc',
    when: 'ready',
    doc: 'How each session finds the bitrate that its path carries; disabled sends max-bitrate whatever the path carries.',
  }),
  doRetransmission: property({
    type: boolean(),
    default: true,
    when: 'ready',
    doc: 'Send lost packets again when a consumer asks for them (RFC 4588).',
  }),
  rtxPercentage: property({
    type: int(-1, MAX_INT, '%'),
    default: -1,
    when: 'ready',
    doc: 'How much of what a stream sends may be retransmissions; -1 is no bound.',
  }),
  // The original follows the bitrate alone, and leaves the amount unbounded; ours follows what is lost.
  doFec: property({
    type: boolean(),
    default: true,
    when: 'ready',
    doc: 'Send what repairs losses without asking, as much as is lost: RED and ULPFEC for video, RED for audio.',
  }),
  // Ours: the original sends one encoding.
  simulcast: property({
    type: uint(0, 3),
    default: 0,
    when: 'ready',
    doc: 'In how many sizes pictures are offered to be sent at once, each half as large as the one before, for servers that forward them (RFC 8853); 0 and 1 offer one.',
  }),
  enableMitigationModes: property({
    type: flags('downscaled', 'downsampled'),
    default: ['downscaled', 'downsampled'],
    when: 'ready',
    doc: 'What a low bitrate may cost besides quality: a smaller picture (downscaled), half the frames (downsampled).',
  }),
  // The original leaves the choice to GStreamer's ranks, and quality to the handler of `encoder-setup`.
  videoEncoder: property({
    type: choice(...ENCODER_PREFERENCES),
    default: 'auto',
    when: 'ready',
    doc: 'Which video encoders may be used: auto is hardware where it works and software elsewhere; a name is the only one of its codec.',
  }),
  tune: property({
    type: choice('latency', 'balanced', 'quality'),
    default: 'latency',
    when: 'ready',
    doc: 'What video encoders spend: as little time as they can, or more of it on a better picture at the same bitrate.',
  }),
  // Ours: the original passes on whatever comes encoded, and refuses who does not take it.
  passthrough: property({
    type: choice('auto', 'never', 'always'),
    default: 'auto',
    when: 'ready',
    doc: 'Whether inputs that come encoded are passed on as they are: to the consumers that can have them (auto), to nobody, or to everybody, so that nothing is ever encoded anew.',
  }),
  // The next five are ours: the original has one encoder a session, and GStreamer's threads.
  encoding: property({
    type: choice('shared', 'per-consumer'),
    default: 'shared',
    when: 'ready',
    doc: 'Whether consumers that can have the same bitrate share an encoder, or each has one of its own.',
  }),
  maxEncodings: property({
    type: uint(0, 64),
    default: 0,
    when: 'ready',
    doc: 'Most encoders of one track and codec that run when consumers share, one for each form of it at least; 0 is as many as half of the cores can do, two of the full picture at least.',
  }),
  shards: property({
    type: uint(0, 64),
    default: 0,
    when: 'ready',
    doc: 'Threads among which sessions are divided, the main thread being the first; 0 is as many as help.',
  }),
  opusInbandFec: property({
    type: boolean(),
    default: true,
    when: 'ready',
    doc: 'Let each Opus packet carry a coarse copy of the one before it (RFC 6716 section 2.1.7).',
  }),
  opusDtx: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Send next to nothing while there is silence (RFC 6716 section 2.1.9).',
  }),
  doClockSignalling: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Say in the offer which clock the timestamps are of (RFC 7273): that of reference-clock.',
  }),
  // The original takes it from its pipeline.
  referenceClock: property({
    type: referenceClock(),
    default: 'local',
    when: 'ready',
    doc: "The clock that this machine's time is known to follow; with ntp and ptp timestamps count from that clock's beginning.",
  }),
  // The original forwards what is in its buffers, and nothing where nothing is.
  forwardMetas: property({
    type: flags('timecode'),
    default: [],
    when: 'ready',
    doc: 'What consumers are told of each picture over the control channel; timecode: that which its source has, or else the time of day of its capture, counted in frames.',
  }),
  // The original leaves header extensions to its payloaders.
  playoutDelay: property({
    type: nullable(delayRange(MAX_PLAYOUT_DELAY)),
    default: null,
    when: 'ready',
    doc: 'How long consumers are to wait before they show a frame, at least and at most (playout-delay header extension); none leaves it to them.',
  }),
  // That too.
  absCaptureTime: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Tell consumers when each frame was captured, by the clock of this machine (abs-capture-time header extension).',
  }),
  // Of the original's payloaders, where it is 1200 as well.
  mtu: property({
    type: mtuType,
    default: DEFAULT_MTU,
    when: 'ready',
    doc: 'Largest RTP packet, its header included; less for paths with tunnels, more where no path is narrower than Ethernet.',
  }),
  enableDataChannelNavigation: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Let consumers send mouse, keyboard and touch events over the older data channel, labelled input.',
  }),
  enableControlDataChannel: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Let consumers send mouse, keyboard and touch events, and events of their own, over the data channel labelled control.',
  }),
  meta: property({
    type: nullable(structure()),
    default: null,
    when: 'ready',
    doc: 'Free-form description of this producer, announced to everybody; pages show its name field.',
  }),
  runSignallingServer: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Run a signalling server in this process and register with it.',
  }),
  // The original listens on 0.0.0.0. Here nothing is open to the network unless asked for.
  signallingServerHost: property({
    type: text('host'),
    default: '127.0.0.1',
    when: 'ready',
    doc: 'Address on which that signalling server listens; 0.0.0.0 is every network.',
  }),
  // The original does not take 0.
  signallingServerPort: property({
    type: uint(0, 65535),
    default: 8443,
    when: 'ready',
    doc: 'Port of that signalling server; 0 takes any free port.',
  }),
  signallingServerCert: property({
    type: nullable(text('file')),
    default: null,
    when: 'ready',
    doc: 'PEM file of its certificate chain: with signalling-server-key it serves wss.',
  }),
  signallingServerKey: property({
    type: nullable(text('file')),
    default: null,
    when: 'ready',
    doc: 'PEM file of the private key of signalling-server-cert.',
  }),
  // The original warns of one that HTTP does not allow, and leaves it out.
  signallingServerHeaders: property({
    type: nullable(structure()),
    default: null,
    when: 'ready',
    doc: 'HTTP headers that it answers with when a WebSocket opens.',
  }),
  // Ours: browsers hand out cameras on https only, and other devices reach this one by no name that a certificate could have.
  tls: property({
    type: choice('none', 'self-signed'),
    default: 'none',
    when: 'ready',
    doc: 'self-signed: both servers speak TLS, with a certificate of this machine unless they are given others.',
  }),
  runWebServer: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Serve the web page that lists and plays the streams.',
  }),
  webServerHostAddr: property({
    type: uri(['http', 'https'], 'http://127.0.0.1:8080'),
    default: 'http://127.0.0.1:8080',
    when: 'ready',
    doc: 'Address of the web server; port 0 takes any free port.',
  }),
  webServerCert: property({
    type: nullable(text('file')),
    default: null,
    when: 'ready',
    doc: 'PEM file of its certificate chain: with web-server-key it serves https.',
  }),
  webServerKey: property({
    type: nullable(text('file')),
    default: null,
    when: 'ready',
    doc: 'PEM file of the private key of web-server-cert.',
  }),
  webServerPath: property({
    type: nullable(text('path')),
    default: null,
    when: 'ready',
    doc: 'Path under which the page is served; none serves it at the root.',
  }),
  webServerDirectory: property({
    type: nullable(text('directory')),
    default: null,
    when: 'ready',
    doc: 'Directory of the page; none is the page that comes with this package.',
  }),
} satisfies Schema;

/** Properties of the default signaller (reference §4.5), reached as `signaller::uri` and so on. */
export const signallerProperties = {
  uri: property({
    type: nullable(uri(['ws', 'wss'], 'ws://127.0.0.1:8443')),
    default: null,
    when: 'ready',
    doc: 'Signalling server to register with; none is the embedded one where it runs, and ws://127.0.0.1:8443 elsewhere.',
  }),
  ...linkProperties,
} satisfies Schema;

/** Options of the default signaller. */
export type SignallerOptions = InputOf<typeof signallerProperties>;

/**
 * Options of `WebRTCSink`: every property of `webrtcsink` in camel case (`maxBitrate` is `max-bitrate`; units, ranges and
 * defaults stand at `sinkProperties`), and what only a program can give.
 */
export type WebRTCSinkOptions = InputOf<typeof sinkProperties> & {
  /** Short form of `videoCaps`: codec names, most wanted first. */
  readonly videoCodecs?: InputOf<typeof sinkProperties>['videoCaps'];
  /** Short form of `audioCaps`. */
  readonly audioCodecs?: InputOf<typeof sinkProperties>['audioCaps'];
  /** A signaller of your own, or options of the default one. */
  readonly signaller?: Signaller | SignallerOptions;
  /**
   * Divides what a session may send among its video tracks (the original's `define-encoder-bitrates`). Default: in equal
   * parts. A track that is missing in the answer keeps its part; each is held between `minBitrate` and `maxBitrate`. All
   * sessions live in the main thread then, whatever `shards` says.
   */
  readonly defineEncoderBitrates?: DefineEncoderBitrates;
  /**
   * Size and frame rate of a video encoder at its bitrate, in the place of `enableMitigationModes`' thresholds (the original's
   * `configure-mitigation-caps`): see `ConfigureMitigationCaps`.
   */
  readonly configureMitigationCaps?: ConfigureMitigationCaps;
  /** Gives an encoding a filter of its encoded frames, before they are packetised (the original's `request-encoded-filter`). */
  readonly requestEncodedFilter?: RequestEncodedFilter;
  /** Changes settings of video encoders before they open (the original's `encoder-setup`): see `EncoderSetup`. */
  readonly encoderSetup?: EncoderSetup;
  /**
   * Changes how a track is put into packets for one consumer (the original's `payloader-setup`): see `PayloaderSetup`. All sessions
   * live in the main thread then, whatever `shards` says.
   */
  readonly payloaderSetup?: PayloaderSetup;
  /** Silent by default. */
  readonly logger?: Logger;
  /** Shared between sinks that take from the same inputs. Default: one of its own, loaded when first needed. */
  readonly engine?: MediaEngine;
};

/** Of the consumer `peerId`: `overall` and `bitrates`, by track name (`video_0`), in bit/s; returns bitrates likewise. */
export type DefineEncoderBitrates = (
  peerId: string,
  overall: number,
  bitrates: Readonly<Record<string, number>>,
) => Readonly<Record<string, number>>;

/** The options after their check: every property is there. */
export type ResolvedSinkOptions = OutputOf<typeof sinkProperties> & {
  readonly signaller: Signaller | OutputOf<typeof signallerProperties>;
} & { readonly [Name in CallbackName]: WebRTCSinkOptions[Name] };

/** What a program can give in the place of the original's signals that return something, and what each has to be. */
const callbacks = {
  defineEncoderBitrates: 'returns bitrates by track name',
  configureMitigationCaps: 'returns a size and a frame rate',
  requestEncodedFilter: 'returns a filter, or null',
  encoderSetup: 'changes the settings of an encoder',
  payloaderSetup: 'changes how packets are made',
} as const;

type CallbackName = keyof typeof callbacks;

/**
 * Checks options and fills in the defaults. Throws `INVALID_OPTION` with one sentence that names the option, as `spelling`
 * writes it, and the remedy.
 */
export function validateOptions(options: WebRTCSinkOptions = {}, spelling = theOption): ResolvedSinkOptions {
  const resolved = resolveOptions(sinkProperties, options, {
    others: ['signaller', 'logger', 'engine', ...Object.keys(callbacks)],
    spelling,
  });
  const { minBitrate, maxBitrate } = resolved;
  if (minBitrate > maxBitrate) {
    throw invalid(
      `${spelling('minBitrate')} is ${minBitrate} bit/s, but it must not exceed ${spelling('maxBitrate')}, which is ${maxBitrate} bit/s.`,
    );
  }
  const { pathname } = new URL(resolved.webServerHostAddr);
  if (pathname !== '/') {
    throw invalid(`${spelling('webServerHostAddr')} has the path ${pathname}, which belongs into ${spelling('webServerPath')}.`);
  }
  for (const [name, does] of Object.entries(callbacks)) {
    const given = options[name as CallbackName];
    if (given !== undefined && typeof given !== 'function') throw invalid(`${spelling(name)} must be a function that ${does}.`);
  }
  checkHeaders(resolved.signallingServerHeaders ?? {}, 'the signalling server');
  const signaller = options.signaller ?? {};
  if (typeof signaller !== 'object') {
    throw invalid(`${spelling('signaller')} must be an object of options such as { uri }, or a Signaller.`);
  }
  const { defineEncoderBitrates, configureMitigationCaps, requestEncodedFilter, encoderSetup, payloaderSetup } = options;
  const functions = { defineEncoderBitrates, configureMitigationCaps, requestEncodedFilter, encoderSetup, payloaderSetup };
  const checked = { ...resolved, ...functions };
  if (isSignaller(signaller)) return { ...checked, signaller };
  const signallerOptions = resolveOptions(signallerProperties, signaller as Record<string, unknown>, {
    spelling: (key) => spelling(`signaller.${key}`),
  });
  return { ...checked, signaller: signallerOptions };
}

/** All properties, in order of declaration, the default signaller's last. */
export const namedProperties: readonly NamedProperty[] = nameProperties(sinkProperties, signallerProperties);

/** Reads the text of the property `name`. Throws `INVALID_OPTION`; `spelling` names the property in the sentence. */
export function parseProperty(name: string, source: string, spelling = name): unknown {
  const found = namedProperties.find(
    (candidate) => candidate.name === name || kebabCase(candidate.declaration.alias ?? '') === name,
  );
  if (!found) throw invalid(`There is no property ${name}.`);
  return parsePropertyText(found.declaration, source, spelling);
}

/** The properties as a Markdown table. */
export function describeProperties(): string {
  return describeSchema(sinkProperties) + describeSchema(signallerProperties, 'signaller::').split('\n').slice(2).join('\n');
}
