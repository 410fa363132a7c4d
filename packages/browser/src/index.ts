/**
 * `@tswebrtc/browser`: watch the producers of a GStreamer WebRTC signalling server in a web page, and be one. Drop-in for
 * `gstwebrtc-api`.
 */
export { ClientSession } from './client-session.ts';
export { DEFAULT_CONFIG, type GstWebRTCConfig, type ResolvedConfig } from './config.ts';
export { ConsumerSession, type ConsumerSessionEvents } from './consumer-session.ts';
export { GstWebRTCError, type GstWebRTCErrorCode } from './errors.ts';
export { type ConsumerFigures, FigureMeter, type PathFigures, type StatsSource, type TrackFigures } from './figures.ts';
export { type ConnectionListener, GstWebRTCAPI, GstWebRTCAPI as default, type PeerListener } from './gst-webrtc-api.ts';
export type { Peer } from './peer-registry.ts';
export { type FigureSource, type PollFiguresOptions, pollFigures } from './poll-figures.ts';
export { ProducerSession, type ProducerSessionEvents } from './producer-session.ts';
export { RemoteController, type RemoteControllerEvents } from './remote/remote-controller.ts';
export { type SessionEnd, SessionState } from './session-state.ts';
export { TypedEventTarget, type TypedListener } from './typed-event-target.ts';
export { WebRTCSession, type WebRTCSessionEvents } from './webrtc-session.ts';
