/**
 * The inner modules of the workspace, for benchmarks that drive a part of the way of a packet. They are no exports of the
 * packages, and so are loaded from their builds by path.
 */
type Modules = {
  'congestion/congestion-controller': typeof import('../packages/tswebrtc/dist/congestion/congestion-controller.js');
  'connection/connection': typeof import('../packages/tswebrtc/dist/connection/connection.js');
  'connection/rtp-receiver': typeof import('../packages/tswebrtc/dist/connection/rtp-receiver.js');
  'connection/rtp-reception': typeof import('../packages/tswebrtc/dist/connection/rtp-reception.js');
  'connection/rtcp-session': typeof import('../packages/tswebrtc/dist/connection/rtcp-session.js');
  'connection/srtp/create-srtp-sender': typeof import('../packages/tswebrtc/dist/connection/srtp/create-srtp-sender.js');
  'connection/srtp/node-srtp-sender': typeof import('../packages/tswebrtc/dist/connection/srtp/node-srtp-sender.js');
  'connection/srtp/srtp-context': typeof import('../packages/tswebrtc/dist/connection/srtp/srtp-context.js');
  'connection/transport/udp-port': typeof import('../packages/tswebrtc/dist/connection/transport/udp-port.js');
  'common/emitter': typeof import('../packages/tswebrtc/dist/common/emitter.js');
  'common/logger': typeof import('../packages/tswebrtc/dist/common/logger.js');
  'media/worker/with-resolvers': typeof import('../packages/tswebrtc/dist/media/worker/with-resolvers.js');
  'rtp/header-extensions': typeof import('../packages/tswebrtc/dist/rtp/header-extensions.js');
  'rtp/ntp': typeof import('../packages/tswebrtc/dist/rtp/ntp.js');
  'rtp/outbound-stream': typeof import('../packages/tswebrtc/dist/rtp/outbound-stream.js');
  'rtp/packet-arena': typeof import('../packages/tswebrtc/dist/rtp/packet-arena.js');
  'rtp/packet': typeof import('../packages/tswebrtc/dist/rtp/packet.js');
  'rtp/receive/arrival-recorder': typeof import('../packages/tswebrtc/dist/rtp/receive/arrival-recorder.js');
  'rtp/rtcp/rtcp': typeof import('../packages/tswebrtc/dist/rtp/rtcp/rtcp.js');
  'rtp/rtcp/twcc': typeof import('../packages/tswebrtc/dist/rtp/rtcp/twcc.js');
  'rtp/send-ops': typeof import('../packages/tswebrtc/dist/rtp/send-ops.js');
  'rtp/sequence': typeof import('../packages/tswebrtc/dist/rtp/sequence.js');
  'webrtcsink/egress': typeof import('../packages/tswebrtc/dist/webrtcsink/egress.js');
  'webrtcsink/shard': typeof import('../packages/tswebrtc/dist/webrtcsink/shard.js');
  'webrtcsink/shared-encoding': typeof import('../packages/tswebrtc/dist/webrtcsink/shared-encoding.js');
};

/** Seen from bench/dist/bench. */
const packages = new URL('../../../packages/', import.meta.url);

/** A module of `tswebrtc`, by its path in `src` without extension. */
export function load<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return import(new URL(`tswebrtc/dist/${name}.js`, packages).href) as Promise<Modules[Name]>;
}

/** The package of the native sender. */
export function loadSrtpBatch(): Promise<typeof import('../packages/srtp-batch/dist/index.js')> {
  return import(new URL('srtp-batch/dist/index.js', packages).href);
}
