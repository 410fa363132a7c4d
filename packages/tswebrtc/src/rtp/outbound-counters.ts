/** What an outgoing stream has sent, in the terms of the W3C's statistics. */

/** W3C RTCOutboundRtpStreamStats, in part. As there, the sums include retransmissions and padding, on the RTX stream too. */
export interface OutboundStreamStats {
  readonly packetsSent: number;
  /** Payload bytes. */
  readonly bytesSent: number;
  /** Bytes of RTP headers and their extensions. */
  readonly headerBytesSent: number;
  readonly retransmittedPacketsSent: number;
  readonly retransmittedBytesSent: number;
  /** What was sent once more only to fill the path; not among the retransmitted. */
  readonly paddingPacketsSent: number;
  readonly paddingBytesSent: number;
  /** ULPFEC, also among `packetsSent` and, with its RED header, among `bytesSent`. */
  readonly fecPacketsSent: number;
  readonly fecBytesSent: number;
  readonly framesSent: number;
  readonly keyFramesSent: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly firCount: number;
}

/** The counts behind `OutboundStreamStats`, written by the stream as packets are appended to a batch. */
export class OutboundCounters {
  /** All that has a number of the stream itself, so ULPFEC too, but not RTX. */
  packets = 0;
  payloadBytes = 0;
  #headerBytes = 0;
  frames = 0;
  keyframes = 0;
  nacks = 0;
  plis = 0;
  firs = 0;
  #resentPackets = 0;
  #resentBytes = 0;
  #paddingPackets = 0;
  #paddingBytes = 0;
  #fecPackets = 0;
  #fecBytes = 0;

  /** A packet of `length` bytes, of which `header` are its header, as in all of these. */
  sent(length: number, header: number): void {
    this.packets++;
    this.#headerBytes += header;
    this.payloadBytes += length - header;
  }

  /** One of those counted by `sent` was ULPFEC. */
  wasFec(length: number, header: number): void {
    this.#fecPackets++;
    this.#fecBytes += length - header;
  }

  resent(length: number, header: number): void {
    this.#resentPackets++;
    this.#headerBytes += header;
    this.#resentBytes += length - header;
  }

  padded(length: number, header: number): void {
    this.#paddingPackets++;
    this.#headerBytes += header;
    this.#paddingBytes += length - header;
  }

  get stats(): OutboundStreamStats {
    const packets = this.packets + this.#resentPackets + this.#paddingPackets;
    return {
      packetsSent: packets,
      bytesSent: this.payloadBytes + this.#resentBytes + this.#paddingBytes,
      headerBytesSent: this.#headerBytes,
      retransmittedPacketsSent: this.#resentPackets,
      retransmittedBytesSent: this.#resentBytes,
      paddingPacketsSent: this.#paddingPackets,
      paddingBytesSent: this.#paddingBytes,
      fecPacketsSent: this.#fecPackets,
      fecBytesSent: this.#fecBytes,
      framesSent: this.frames,
      keyFramesSent: this.keyframes,
      nackCount: this.nacks,
      pliCount: this.plis,
      firCount: this.firs,
    };
  }
}
