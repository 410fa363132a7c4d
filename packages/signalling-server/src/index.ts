/**
 * `@tswebrtc/signalling-server`: the signalling server of the GStreamer WebRTC family, as a library. `SignallingServer` is the
 * server with its sockets, `SignallingHub` the state machine inside it, for those who bring their own transport.
 */
export { isLoopback } from './addresses.ts';
export { SignallingServerError, type SignallingServerErrorCode } from './errors.ts';
export { type HubOptions, type Outgoing, SignallingHub } from './hub.ts';
export { type Logger, silentLogger } from './logger.ts';
export { DEFAULT_HOST, DEFAULT_PORT, type KeepAliveOptions, type SignallingServerOptions } from './options.ts';
export { SignallingServer } from './server.ts';
