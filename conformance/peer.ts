/** A peer of a case: a plain WebSocket that keeps whatever it hears, whole and in order, until the case looks at it. */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { Difference } from './difference.ts';

export type Json = Record<string, unknown>;

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** How long, in ms, a message that has to come is waited for. */
const PATIENCE = 2_000;

export class Peer {
  /** What a difference calls it: "the producer". */
  readonly name: string;
  /** The id that the server gave it in its welcome. */
  id = '';
  readonly socket: WebSocket;
  readonly closed: Promise<Closing>;
  /** What went wrong with the connection; empty after a clean end. */
  readonly errors: Error[] = [];
  /** Whether something was sent that the server has perhaps not handled yet. */
  hasSpoken = false;
  readonly #select: (message: Json) => Json | undefined;
  #heard: Json[] = [];
  #wake: () => void = () => {};

  /** Connects to `url` and sends `atOnce` as soon as it can. `select` says what of a message the case wants to see. */
  constructor(name: string, url: string, atOnce: readonly Json[], select: (message: Json) => Json | undefined) {
    this.name = name;
    this.#select = select;
    this.socket = new WebSocket(url);
    this.socket.on('open', () => {
      for (const message of atOnce) this.send(message);
    });
    this.socket.on('message', (data, isBinary) => this.#hear(isBinary ? { binary: String(data) } : parsed(String(data))));
    this.socket.on('error', (error) => this.errors.push(error));
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      }),
    );
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** What it has heard since the case last took it. */
  get heard(): readonly Json[] {
    return this.#heard;
  }

  /** Takes what it has heard. */
  take(): Json[] {
    return this.#heard.splice(0);
  }

  /** Sends text as it is, anything else as JSON. */
  send(message: Json | string): void {
    this.hasSpoken = true;
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  sendBinary(bytes: Uint8Array): void {
    this.socket.send(bytes, { binary: true });
  }

  /** Says goodbye with `code` and waits for the answer. */
  async leave(code?: number): Promise<Closing> {
    this.socket.close(code);
    return this.closed;
  }

  /** Goes without a word. */
  async vanish(): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }

  /** Waits until it has heard `count` messages, but no longer than one waits for a message that has to come. */
  async untilHeard(count: number): Promise<void> {
    await this.#until(() => this.#heard.length >= count);
  }

  /**
   * Resolves when the server has handled everything this peer has sent, and everything it had sent to the peer before has
   * arrived. It shows that by an answer behind all of it, which is not kept: the refusal of a session with nobody (E4).
   */
  async settle(): Promise<void> {
    this.hasSpoken = false;
    const nobody = `nobody-${randomUUID()}`;
    const answer = (): number =>
      this.#heard.findIndex(({ type, details }) => type === 'error' && String(details).includes(nobody));
    this.socket.send(JSON.stringify({ type: 'startSession', peerId: nobody }));
    await this.#until(() => answer() >= 0);
    if (answer() < 0) throw new Difference(`${this.name} was not answered any more${await this.#whyNot()}`);
    this.#heard.splice(answer(), 1);
  }

  #hear(message: Json): void {
    const selected = this.#select(message);
    if (!selected) return;
    this.#heard.push(selected);
    this.#wake();
  }

  async #until(done: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE;
    for (let left = PATIENCE; !done() && left > 0 && this.socket.readyState !== WebSocket.CLOSED; left = end - performance.now())
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
  }

  async #whyNot(): Promise<string> {
    if (this.socket.readyState !== WebSocket.CLOSED) return '';
    return `: its connection was closed with code ${(await this.closed).code}`;
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return { unreadable: text };
  }
}
