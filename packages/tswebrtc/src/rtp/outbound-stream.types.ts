/** Options and statistics of an outgoing RTP stream (outbound-stream.ts). Randomness comes in from outside: sans-IO. */
export interface OutboundStreamOptions {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Hz. */
  readonly clockRate: number;
  /** With `rtxPayloadType`: lost packets are sent again as RFC 4588 says; without: they are sent again as they were. */
  readonly rtxSsrc?: number;
  readonly rtxPayloadType?: number;
  /** Ids under which the session negotiated each extension. */
  readonly extensions: { readonly transportCc?: number; readonly absSendTime?: number };
  /** 16-bit, random (RFC 3550 §5.1). */
  readonly initialSequenceNumber: number;
  readonly initialRtxSequenceNumber: number;
  /** 32-bit, random, added to every timestamp. */
  readonly timestampOffset: number;
  /** 15-bit, random. */
  readonly initialPictureId: number;
  /** How long a sent packet can be asked for again, ms. Default 1000. */
  readonly historyDuration?: number;
  /** How many packets are kept at most. A power of two. Default 1024. */
  readonly historySize?: number;
}

/** W3C RTCOutboundRtpStreamStats, in part. */
export interface OutboundStreamStats {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly headerBytesSent: number;
  readonly retransmittedPacketsSent: number;
  readonly retransmittedBytesSent: number;
  readonly framesSent: number;
  readonly keyFramesSent: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly firCount: number;
}

/** W3C RTCRemoteInboundRtpStreamStats, in part: from the peer's report blocks. */
export interface RemoteInboundStats {
  readonly packetsLost: number;
  /** 0..1, since the last report. */
  readonly fractionLost: number;
  /** Seconds. */
  readonly jitter: number;
  /** Seconds; undefined before the first report that answers one of ours. */
  readonly roundTripTime: number | undefined;
}
