/** What a session is made of and what it tells, wherever it lives. */
import type { TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { CongestionControlMode } from '../congestion/create-controller.ts';
import type { DataChannel } from '../connection/transport/types.ts';
import type { ConnectionOptions } from '../connection/types.ts';
import type { AudioCodecName, VideoCodecName } from '../media/types.ts';
import type { SessionDescription } from '../signalling/signaller.ts';
import type { UpstreamRequest } from './control/control-channels.ts';
import type { PassthroughMode } from './encoding-pool.ts';
import type { EncodingSource } from './encoding-source.ts';
import type { DefineEncoderBitrates } from './options.ts';
import type { PayloaderSetup } from './payloader-setup.ts';
import type { Shard } from './shard.ts';
import type { SinkTrack } from './tracks.ts';

/** Why a session ended: the peer or the server ended it, the network lost the peer, something failed, the sink stopped. */
export type EndReason = 'ended' | 'disconnected' | 'error' | 'shutdown';

export type SessionEvents = {
  /** A local description or candidate to be carried to the peer. */
  description: [description: SessionDescription];
  candidate: [candidate: string, sdpMLineIndex: number, sdpMid: string | undefined];
  /** A track that came later could not be encoded; the others go on. */
  'track-failed': [track: string, error: TsWebRTCError];
  /** The peer opened a data channel of the application's. */
  datachannel: [channel: DataChannel];
  /** The peer wants something of the application, to be answered by `answerUpstream`. */
  upstream: [request: UpstreamRequest];
  /** The session is over by itself; the sink removes it. */
  end: [reason: EndReason, error: TsWebRTCError | undefined];
};

export interface SessionOptions {
  readonly id: string;
  readonly peerId: string;
  readonly tracks: readonly SinkTrack[];
  readonly videoCodecs: readonly VideoCodecName[];
  /** Those of them that can be encoded here. */
  readonly encodable: readonly VideoCodecName[];
  readonly audioCodecs: readonly AudioCodecName[];
  readonly passthrough: PassthroughMode;
  readonly congestionControl: CongestionControlMode;
  /** Of each video track, bit/s. */
  readonly startBitrate: number;
  readonly minBitrate: number;
  readonly maxBitrate: number;
  readonly defineEncoderBitrates: DefineEncoderBitrates | undefined;
  readonly retransmission: boolean;
  /** Most of what is sent that may be retransmissions, %; -1 without bound. */
  readonly retransmissionPercentage: number;
  readonly fec: boolean;
  /** In how many sizes pictures are sent at once to peers that take it. */
  readonly simulcast: number;
  /** Whether consumers are told the time code of each picture. */
  readonly timeCodes: boolean;
  /** The clock that consumers are told of; null for none. */
  readonly referenceClock: string | null;
  /** What consumers are told of how long to wait before they show a frame, at least and at most, ms; null for nothing. */
  readonly playoutDelay: readonly [min: number, max: number] | null;
  /** Whether consumers are told when frames were captured. */
  readonly absCaptureTime: boolean;
  /** Largest packet, bytes. */
  readonly mtu: number;
  /** What the application has to say of how each track is put into packets. */
  readonly payloaderSetup: PayloaderSetup | undefined;
  /** Whether the peer may offer once the session runs. */
  readonly consumerOffers: boolean;
  /** Whether there is a channel `control`, and one `input`. */
  readonly controlChannel: boolean;
  readonly navigationChannel: boolean;
  readonly connection: Omit<ConnectionOptions, 'srtpSender' | 'logger'>;
  /** ms that the peer has to answer and connect. */
  readonly setupTimeout: number;
  readonly shard: Shard;
  readonly encodings: EncodingSource;
  /** Peers of the other sessions that are sent an encoding. */
  readonly sharedWith: (encodingId: string | undefined) => readonly string[];
  readonly logger: Logger;
}
