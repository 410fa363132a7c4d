/**
 * The properties of `webrtcsink` (reference §2.2), declared once. Names, types, defaults and ranges are the original's except where a
 * line says otherwise.
 */
import { ENCODER_PREFERENCES } from '../media/encoders.ts';
import { codecList } from '../properties/codec-list.ts';
import { AUDIO_TYPES, VIDEO_TYPES } from '../properties/codec-types.ts';
import { type NamedProperty, nameProperties } from '../properties/named-properties.ts';
import { networkProperties } from '../properties/network.ts';
import { describeSchema, invalid, kebabCase, parsePropertyText, property, type Schema } from '../properties/property-schema.ts';
import { boolean, choice, delayRange, flags, int, nullable, structure, text, uint, uri } from '../properties/property-types.ts';
import { referenceClock } from '../properties/reference-clock.ts';
import { linkProperties } from '../properties/signaller.ts';
import { MAX_PLAYOUT_DELAY } from '../rtp/header-extensions.ts';
import { DEFAULT_MTU } from '../rtp/template.ts';
import { mtuType } from './payloader-setup.ts';

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
