/** The WebSocket frames in what a server has sent (RFC 6455 §5.2): unmasked, and whole messages only. */
export interface Frame {
  readonly opcode: number;
  readonly bytes: Buffer;
  /** The bytes as text. */
  readonly payload: string;
}

export function serverFrames(received: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < received.length; ) {
    const short = received[at + 1]!;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = short < 126 ? short : short === 126 ? received.readUInt16BE(at + 2) : Number(received.readBigUInt64BE(at + 2));
    const bytes = received.subarray(at + header, at + header + length);
    frames.push({ opcode: received[at]! & 0x0f, bytes, payload: String(bytes) });
    at += header + length;
  }
  return frames;
}
