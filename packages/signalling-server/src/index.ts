/**
 * `@tswebrtc/signalling-server`: the signalling server of the GStreamer WebRTC family, as a library. `SignallingServer` is the
 * server with its sockets, `SignallingHub` the state machine inside it, for those who bring their own transport.
 */
export type { TokenOptions } from './access-tokens.ts';
export { isLoopback } from './addresses.ts';
export { SignallingServerError, type SignallingServerErrorCode } from './errors.ts';
export type { Grants } from './grants.ts';
export { type HubOptions, type Outgoing, type Refusal, SignallingHub } from './hub.ts';
export type { IceServerOptions } from './ice-servers.ts';
export { type Logger, silentLogger } from './logger.ts';
export {
  DEFAULT_HOST,
  DEFAULT_PORT,
  type KeepAliveOptions,
  type LimitOptions,
  type MetricsAddress,
  type SignallingServerOptions,
} from './options.ts';
export type { RateKind, RateLimits } from './rate-limiter.ts';
export { type CertificateFiles, selfSignedCertificate } from './self-signed.ts';
export { type CloseOptions, SignallingServer } from './server.ts';

/** Runs the command line of the server in this process, as the command `name`; resolves with the exit code. */
export async function runSignallingServer(argv: readonly string[], name: string): Promise<number> {
  return (await import('./main.ts')).main(argv, name);
}
