/** The signals and actions of `webrtcsrc` (reference §3), most of which are only this library's: GStreamer has pads and events instead. */
import type { Signal } from '../properties/signals.ts';

export const srcSignals: readonly Signal[] = [
  {
    name: 'registered',
    kind: 'signal',
    args: [['peerId', 'string']],
    returns: 'void',
    face: "on('registered', (peerId) => …)",
    doc: 'Known to the signalling server; again, under a new id, after a reconnection.',
  },
  {
    name: 'session-started',
    kind: 'signal',
    args: [
      ['sessionId', 'string'],
      ['producerId', 'string'],
    ],
    returns: 'void',
    face: "on('session-started', (sessionId, producerId) => …)",
    doc: 'A producer starts a session.',
  },
  {
    name: 'session-ended',
    kind: 'signal',
    args: [
      ['sessionId', 'string'],
      ['reason', 'SrcEndReason'],
      ['error', 'TsWebRTCError?'],
    ],
    returns: 'void',
    face: "on('session-ended', (sessionId, reason, error) => …)",
    doc: 'It is over, and another is sought unless the source was closed.',
  },
  {
    name: 'track',
    kind: 'signal',
    args: [['track', 'SrcTrack']],
    returns: 'void',
    face: "on('track', (track) => …)",
    doc: 'A medium of the producer; in GStreamer pad-added.',
  },
  {
    name: 'datachannel',
    kind: 'signal',
    args: [['channel', 'DataChannel']],
    returns: 'void',
    face: "on('datachannel', (channel) => …)",
    doc: "The producer opened a data channel of the application's.",
  },
  {
    name: 'info',
    kind: 'signal',
    args: [
      ['info', 'InfoMessage["info"]'],
      ['track', 'SrcTrack?'],
    ],
    returns: 'void',
    face: "on('info', (info, track) => …)",
    doc: 'The producer tells something of the pictures of a track, such as their time code.',
  },
  {
    name: 'error',
    kind: 'signal',
    args: [['error', 'TsWebRTCError']],
    returns: 'void',
    face: "on('error', (error) => …)",
    doc: 'Something failed; the source goes on as far as it can.',
  },
  {
    name: 'send-navigation',
    kind: 'action',
    args: [
      ['event', 'NavigationInput'],
      ['target', 'UpstreamTarget?'],
    ],
    returns: 'Promise<void>',
    face: 'src.sendNavigation(event, { track })',
    doc: 'Sends a mouse, keyboard or touch event to the producer; in GStreamer a navigation event upstream.',
  },
  {
    name: 'send-custom-upstream-event',
    kind: 'action',
    args: [
      ['structureName', 'string'],
      ['structure', 'ControlStructure'],
      ['target', 'UpstreamTarget?'],
    ],
    returns: 'Promise<void>',
    face: 'src.sendCustomUpstreamEvent(name, structure, { track })',
    doc: "Sends an event of the application's own to the producer.",
  },
];
