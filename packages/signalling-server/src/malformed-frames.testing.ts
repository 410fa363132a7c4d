/**
 * What a hostile or broken peer may send, from a seed: JSON that is none or says the wrong things, text that is no text, frames
 * against RFC 6455, half frames, floods. Some of it is legal by chance; nothing of it may harm the server or anybody else.
 */
import { clientFrame, Opcode } from './raw-frames.testing.ts';

/** One thing to send, and what its sender does then. */
export interface Malformed {
  readonly bytes: Buffer;
  /** How many frames these bytes are; half a one counts. */
  readonly frames: number;
  /**
   * `probe`: goes on when the server has come that far; `silence`: leaves the connection as it is, half said; `end`, `reset`:
   * leaves it.
   */
  readonly after: 'probe' | 'silence' | 'end' | 'reset';
}

/** Whom the messages name, so that some of them reach for what is not their sender's. */
export interface Victims {
  readonly sessionId: string;
  readonly producerId: string;
  /** Limit of a message's size at the server, in bytes: some are longer. */
  readonly maxMessageSize: number;
}

type Kind = () => Malformed;

/** One in so many is a flood: the rest shall not drown in it. */
const FLOOD_ONE_IN = 200;

export class MalformedFrames {
  readonly #random: () => number;
  readonly #victims: Victims;
  readonly #kinds: readonly Kind[];
  readonly #floods: readonly Kind[];

  constructor(seed: number, victims: Victims) {
    this.#random = randomFrom(seed);
    this.#victims = victims;
    const message = (): string => this.#message();
    this.#kinds = [
      // JSON
      () => text(message().slice(0, this.#pick(message().length))),
      () => text(this.#mutated(message())),
      () => text(this.#mutated(message())),
      () => text(JSON.stringify(this.#wrongTypes())),
      () => text(JSON.stringify(this.#wrongTypes())),
      () => text(this.#nested()),
      () => text(this.#duplicateKeys()),
      () => text(this.#choose(['', 'null', '0', '[]', '"list"', '{}', '{"type":null}', '\u0000', '\uFEFF{"type":"list"}'])),
      () => text(JSON.stringify({ type: 'setPeerStatus', roles: ['producer'], meta: this.#hugeString() })),
      // Text and binary
      () => probed(clientFrame(Opcode.text, this.#badUtf8())),
      () => probed(clientFrame(Opcode.binary, this.#choose([message(), this.#bytes(200)]))),
      () => probed(clientFrame(Opcode.text, message(), { masked: false })),
      // Frames against the protocol
      () => probed(clientFrame(Opcode.continuation, message())),
      () => probed(clientFrame(this.#choose([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), this.#bytes(60))),
      () => probed(clientFrame(Opcode.text, message(), { reserved: 1 + this.#pick(7) })),
      () => probed(clientFrame(this.#control(), this.#bytes(60), { final: false })),
      () => probed(clientFrame(this.#control(), Buffer.alloc(126 + this.#pick(500)))),
      () => probed(clientFrame(Opcode.close, this.#badClose())),
      () => this.#fragments(),
      () => this.#unfinishedFragments(),
      () => this.#halfFrame(),
      () => this.#halfFrame(),
      () => ({ bytes: this.#bytes(300), frames: 1, after: this.#choose(['reset', 'end'] as const) }),
    ];
    this.#floods = [
      () => this.#flood(() => clientFrame(Opcode.ping, this.#bytes(125))),
      () => this.#flood(() => clientFrame(Opcode.text, '{"type":"list"}')),
      () => this.#flood(() => clientFrame(Opcode.text, message())),
    ];
  }

  next(): Malformed {
    return this.#choose(this.#pick(FLOOD_ONE_IN) === 0 ? this.#floods : this.#kinds)();
  }

  /** A message as it should be, of any type. */
  #message(): string {
    return JSON.stringify(this.#choose(this.#messages()));
  }

  #messages(): Record<string, unknown>[] {
    const { sessionId, producerId } = this.#victims;
    const roles = this.#choose([[], ['producer'], ['listener'], ['consumer', 'listener'], ['producer', 'consumer']]);
    return [
      { type: 'setProtocolVersion', version: 'v1_1' },
      { type: 'setPeerStatus', roles, meta: { name: `fuzz ${this.#pick(1_000)}`, list: [1, null, { deep: true }] } },
      { type: 'startSession', peerId: producerId, offer: null },
      { type: 'startSession', peerId: sessionId, offer: 'v=0\r\n' },
      { type: 'endSession', sessionId },
      { type: 'endSessionV1_1', sessionId, error: 'fuzz' },
      { type: 'peer', sessionId, sdp: { type: 'offer', sdp: 'v=0\r\n' } },
      { type: 'peer', sessionId, ice: { candidate: 'candidate:0 1 UDP 1 192.0.2.7 9 typ host', sdpMLineIndex: 0 } },
      { type: 'list' },
      { type: 'listConsumers' },
      { type: 'newPeer' },
    ];
  }

  /** One to four bytes of it changed, left out or doubled. */
  #mutated(message: string): Buffer {
    const bytes = [...Buffer.from(message)];
    for (let changes = 1 + this.#pick(4); changes > 0 && bytes.length > 0; changes--) {
      const at = this.#pick(bytes.length);
      const values = this.#choose([[this.#pick(128)], [], [bytes[at]!, bytes[at]!]]);
      bytes.splice(at, 1, ...values);
    }
    return Buffer.from(bytes);
  }

  /** A message one of whose fields, at any depth, is something else. */
  #wrongTypes(): Record<string, unknown> {
    const message = this.#choose(this.#messages());
    let holder = message;
    for (;;) {
      const key = this.#choose(Object.keys(holder));
      const value = holder[key];
      if (isObject(value) && Object.keys(value).length > 0 && this.#random() < 0.5) holder = value;
      else {
        holder[key] = this.#choose([null, true, -1, 1e308, 0.5, 2 ** 53, '', 'x', [], {}, [[]], { type: 'list' }]);
        return message;
      }
    }
  }

  #nested(): string {
    const depth = 1 + this.#pick(this.#victims.maxMessageSize / 8);
    const [open, close] = this.#choose([
      ['[', ']'],
      ['{"a":', '}'],
    ] as const);
    const core = open.repeat(depth) + (open === '[' ? '' : '0') + close.repeat(depth - this.#pick(2));
    return `{"type":"setPeerStatus","roles":["producer"],"meta":${core}}`;
  }

  #duplicateKeys(): string {
    const message = this.#message();
    const again = this.#choose(['"type":"list"', '"type":7', '"__proto__":{"type":"list"}', '"sessionId":"x"', '"roles":[]']);
    return this.#random() < 0.5 ? `{${again},${message.slice(1)}` : `${message.slice(0, -1)},${again}}`;
  }

  #hugeString(): string {
    const length = this.#pick(1.2 * this.#victims.maxMessageSize);
    return this.#choose(['x', 'ä', '\u0000', '\u{1F600}']).repeat(length / 4);
  }

  #badUtf8(): Buffer {
    const bad = this.#choose([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xe2, 0x82]]);
    const message = Buffer.from(this.#message());
    const at = this.#pick(message.length);
    return Buffer.concat([message.subarray(0, at), Buffer.from(bad), message.subarray(at)]);
  }

  /** RFC 6455 §7.4: half a code, codes that must not be sent, a reason that is no UTF-8. */
  #badClose(): Buffer {
    return Buffer.from(this.#choose([[3], [3, 237], [3, 238], [0, 0], [255, 255], [3, 232, 0xff, 0xfe]]));
  }

  /** A whole message in fragments, with a ping between them: that is allowed. */
  #fragments(): Malformed {
    const message = Buffer.from(this.#message());
    const at = this.#pick(message.length);
    const frames = [
      clientFrame(Opcode.text, message.subarray(0, at), { final: false }),
      clientFrame(Opcode.ping, 'between'),
      clientFrame(Opcode.continuation, message.subarray(at)),
    ];
    return { bytes: Buffer.concat(frames), frames: frames.length, after: 'probe' };
  }

  /** A message begun in fragments and another one, or nothing, behind it. */
  #unfinishedFragments(): Malformed {
    const begun = clientFrame(Opcode.text, this.#message(), { final: false });
    const frames = this.#random() < 0.5 ? [begun] : [begun, clientFrame(Opcode.text, this.#message())];
    return { bytes: Buffer.concat(frames), frames: frames.length, after: 'probe' };
  }

  #halfFrame(): Malformed {
    const whole = this.#choose([
      clientFrame(Opcode.text, this.#message()),
      clientFrame(Opcode.text, '{', { claimedLength: this.#choose([100, 60_000, 1e6, 2 ** 32, 2 ** 53]) }),
      clientFrame(Opcode.ping, this.#bytes(125)),
    ]);
    const after = this.#choose(['silence', 'reset', 'end'] as const);
    return { bytes: whole.subarray(0, 1 + this.#pick(whole.length - 1)), frames: 1, after };
  }

  #flood(frame: () => Buffer): Malformed {
    const frames = Array.from({ length: 10 + this.#pick(90) }, frame);
    return { bytes: Buffer.concat(frames), frames: frames.length, after: 'probe' };
  }

  #control(): number {
    return this.#choose([Opcode.close, Opcode.ping, Opcode.pong]);
  }

  /** Fewer than `most` random ones. */
  #bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.#pick(most) }, () => this.#pick(256)));
  }

  #choose<Value>(values: readonly Value[]): Value {
    return values[this.#pick(values.length)]!;
  }

  /** A whole number from 0 to below `end`. */
  #pick(end: number): number {
    return Math.floor(this.#random() * end);
  }
}

/** Mulberry32: small, seeded, good enough to pick garbage by. Numbers from 0 to below 1. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function text(content: string | Buffer): Malformed {
  return probed(clientFrame(Opcode.text, content));
}

function probed(bytes: Buffer): Malformed {
  return { bytes, frames: 1, after: 'probe' };
}
