/**
 * WebSocket frames (RFC 6455 §5.2) by hand, for load and for malice: a client's, well made or not, and a server's as they come
 * in whatever chunks TCP makes of them.
 */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameShape {
  /** Whether it ends its message; true by default. */
  readonly final?: boolean;
  /** The three reserved bits, 0 (what the protocol wants) to 7. */
  readonly reserved?: number;
  /** Whether it is masked, as a client's frame has to be; true by default. */
  readonly masked?: boolean;
  /** Length that the header claims, in bytes, where it is not the payload's. */
  readonly claimedLength?: number;
}

/** A client's frame. Its masking key is zero, so that masking costs nothing. */
export function clientFrame(opcode: number, payload: Uint8Array | string, shape: FrameShape = {}): Buffer {
  const { final = true, reserved = 0, masked = true } = shape;
  const size = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const length = shape.claimedLength ?? size;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + (masked ? 4 : 0) + size);
  frame[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  frame[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const at = frame.length - size;
  if (typeof payload === 'string') frame.write(payload, at);
  else frame.set(payload, at);
  return frame;
}

/** A Close frame with a status code. */
export function closeFrame(code: number): Buffer {
  return clientFrame(Opcode.close, Uint8Array.of(code >> 8, code & 0xff));
}

/** Cuts what a server sends into frames. Servers here send each message in one frame, and so it takes no fragments. */
export class ServerFrames {
  #rest: Buffer | undefined;

  /** Hands over every frame that is complete now. `chunk` may be reused afterwards, and so a payload is good until its call ends. */
  push(chunk: Buffer, onFrame: (opcode: number, payload: Buffer) => void): void {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const end = frameEnd(data, at);
      if (end === undefined || end.frame > data.length) break;
      onFrame(data[at]! & 0x0f, data.subarray(end.header, end.frame));
      at = end.frame;
    }
    this.#rest = at === data.length ? undefined : Buffer.from(data.subarray(at));
  }
}

/** Where the header and the frame that begin at `at` end; undefined while the header is not there yet. */
function frameEnd(data: Buffer, at: number): { header: number; frame: number } | undefined {
  const left = data.length - at;
  if (left < 2) return undefined;
  const short = data[at + 1]! & 0x7f;
  const header = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  if (data.length < header) return undefined;
  const length = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
  return { header, frame: header + length };
}
