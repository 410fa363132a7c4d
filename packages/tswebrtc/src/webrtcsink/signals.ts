/** The signals and actions of `webrtcsink` (reference §2.3), and the events that only this library has. */
import type { Signal } from '../properties/signals.ts';

const session = ['session', 'ConsumerSession'] as const;

export const sinkSignals: readonly Signal[] = [
  {
    name: 'consumer-added',
    kind: 'signal',
    args: [session],
    returns: 'void',
    face: "on('consumer-added', (session) => …)",
    doc: 'A consumer asked for a session, which has not been negotiated yet: the place to create data channels.',
  },
  {
    name: 'consumer-removed',
    kind: 'signal',
    args: [session, ['reason', 'EndReason'], ['error', 'TsWebRTCError?']],
    returns: 'void',
    face: "on('consumer-removed', (session, reason, error) => …)",
    doc: 'The session is over.',
  },
  {
    name: 'define-encoder-bitrates',
    kind: 'signal',
    args: [
      ['peerId', 'string'],
      ['overall', 'number'],
      ['bitrates', 'Record<string, number>'],
    ],
    returns: 'Record<string, number>',
    face: 'new WebRTCSink({ defineEncoderBitrates })',
    doc: 'Divides what a session may send among its video tracks.',
  },
  {
    name: 'get-sessions',
    kind: 'action',
    args: [],
    returns: 'ConsumerSession[]',
    face: 'sink.sessions',
    doc: 'The live sessions; the id of each is its id.',
  },
  {
    name: 'navigation',
    kind: 'signal',
    args: [
      ['event', 'NavigationEvent'],
      ['context', 'UpstreamContext'],
    ],
    returns: 'void',
    face: "on('navigation', (event, context) => …)",
    doc: "A consumer's mouse, keyboard or touch; in GStreamer a navigation event upstream.",
  },
  {
    name: 'custom-upstream-event',
    kind: 'signal',
    args: [
      ['structureName', 'string'],
      ['structure', 'ControlStructure'],
      ['context', 'UpstreamContext'],
    ],
    returns: 'void',
    face: "on('custom-upstream-event', (name, structure, context) => …)",
    doc: "An event of a consumer's own; in GStreamer a custom event upstream.",
  },
  {
    name: 'registered',
    kind: 'signal',
    args: [['peerId', 'string']],
    returns: 'void',
    face: "on('registered', (peerId) => …)",
    doc: 'Announced to the signalling server; again, under a new id, after a reconnection.',
  },
  {
    name: 'listening',
    kind: 'signal',
    args: [['servers', '{ urls: string[] }']],
    returns: 'void',
    face: "on('listening', ({ urls }) => …)",
    doc: 'The embedded servers accept connections.',
  },
  {
    name: 'track-added',
    kind: 'signal',
    args: [['track', 'TrackInfo']],
    returns: 'void',
    face: "on('track-added', (track) => …)",
    doc: 'A track is there; in GStreamer a pad.',
  },
  {
    name: 'track-removed',
    kind: 'signal',
    args: [['track', 'TrackInfo']],
    returns: 'void',
    face: "on('track-removed', (track) => …)",
    doc: 'A track is gone.',
  },
  {
    name: 'input-ended',
    kind: 'signal',
    args: [
      ['input', 'SinkInput'],
      ['error', 'TsWebRTCError?'],
    ],
    returns: 'void',
    face: "on('input-ended', (input, error) => …)",
    doc: 'One of the inputs came to its end.',
  },
  {
    name: 'ended',
    kind: 'signal',
    args: [['error', 'TsWebRTCError?']],
    returns: 'void',
    face: "on('ended', (error) => …)",
    doc: 'All inputs came to their end; in GStreamer EOS.',
  },
  {
    name: 'error',
    kind: 'signal',
    args: [
      ['error', 'TsWebRTCError'],
      ['sessionId', 'string?'],
    ],
    returns: 'void',
    face: "on('error', (error, sessionId) => …)",
    doc: 'Something failed: with a session id that session is over, without one the sink goes on as far as it can.',
  },
];
