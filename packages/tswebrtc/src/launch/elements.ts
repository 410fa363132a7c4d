/** The elements there are, by the names of the reference, with all that is declared of them. */
import type { NamedProperty } from '../properties/named-properties.ts';
import type { Signal } from '../properties/signals.ts';
import { namedProperties, sinkProperties } from '../webrtcsink/properties.ts';
import { sinkSignals } from '../webrtcsink/signals.ts';
import { namedSrcProperties, srcProperties } from '../webrtcsrc/properties.ts';
import { srcSignals } from '../webrtcsrc/signals.ts';

export interface PadTemplate {
  readonly name: string;
  readonly direction: 'SINK' | 'SRC';
  readonly availability: 'On request' | 'Sometimes';
  readonly caps: readonly string[];
  /** How this library has it. */
  readonly face: string;
}

/** What gst-inspect shows among the properties and this library has as something else. */
export interface ObjectProperty {
  readonly name: string;
  readonly doc: string;
  readonly flags: string;
  readonly kind: string;
  readonly face: string;
}

export interface Element {
  readonly name: string;
  readonly longName: string;
  readonly klass: string;
  readonly description: string;
  readonly rank: string;
  /** Its class in this library. */
  readonly face: string;
  readonly pads: readonly PadTemplate[];
  readonly properties: readonly NamedProperty[];
  readonly objects: readonly ObjectProperty[];
  readonly signals: readonly Signal[];
}

/** The media types in the text of a list of codecs. */
const typesIn = (expected: string): readonly string[] =>
  [...expected.matchAll(/\b(?:video|audio)\/[\w-]+/g)].map(([type]) => type);

const sinkPad = (kind: 'video' | 'audio', expected: string): PadTemplate => ({
  name: `${kind}_%u`,
  direction: 'SINK',
  availability: 'On request',
  caps: [...new Set([`${kind}/x-raw`, ...typesIn(expected)])],
  face:
    kind === 'video' ? 'sink.addTrack(input), sink.addVideoTrack(options)' : 'sink.addTrack(input), sink.addAudioTrack(options)',
});

const srcPad = (kind: 'video' | 'audio', expected: string): PadTemplate => ({
  name: `${kind}_%u`,
  direction: 'SRC',
  availability: 'Sometimes',
  caps: [...new Set([`${kind}/x-raw`, ...typesIn(expected)])],
  face: "src.on('track', (track) => …)",
});

const signallerObject: ObjectProperty = {
  name: 'signaller',
  doc: 'What carries descriptions and candidates; its own properties are those that begin with signaller::.',
  flags: 'readable, writable, changeable only in NULL or READY state',
  kind: 'Object of type "Signaller"',
  face: 'signaller: a class that implements Signaller, or options of the default one',
};

export const elements: readonly Element[] = [
  {
    name: 'webrtcsink',
    longName: 'WebRTCSink',
    klass: 'Sink/Network/WebRTC',
    description: 'Streams tracks to every WebRTC consumer that asks for them by a signalling server',
    rank: 'none (0)',
    face: 'WebRTCSink',
    pads: [sinkPad('audio', sinkProperties.audioCaps.type.expected), sinkPad('video', sinkProperties.videoCaps.type.expected)],
    properties: namedProperties,
    objects: [
      signallerObject,
      {
        name: 'stats',
        doc: 'Figures of every session and of the encoders; the W3C report of each session.',
        flags: 'readable',
        kind: 'Structure',
        face: 'await sink.getGstStats(), await sink.getStats(), await session.getStats()',
      },
    ],
    signals: sinkSignals,
  },
  {
    name: 'webrtcsrc',
    longName: 'WebRTCSrc',
    klass: 'Source/Network/WebRTC',
    description: 'Receives the tracks of a WebRTC producer that it finds by a signalling server',
    rank: 'primary (256)',
    face: 'WebRTCSrc',
    pads: [srcPad('audio', srcProperties.audioCodecs.type.expected), srcPad('video', srcProperties.videoCodecs.type.expected)],
    properties: namedSrcProperties,
    objects: [signallerObject],
    signals: srcSignals,
  },
];
