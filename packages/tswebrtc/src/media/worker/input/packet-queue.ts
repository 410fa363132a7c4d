/** Packets that came, for whoever reads them; one that reads too slowly loses the oldest. */
import type { FeedPacket } from './feed.ts';

/** Ten seconds and more of pictures and sound. */
const MOST = 2000;

export class PacketQueue {
  readonly #packets: FeedPacket[] = [];
  #waiting: { resolve(packet: FeedPacket | undefined): void; reject(error: Error): void } | undefined;
  #ended = false;
  #error: Error | undefined;

  push(packet: FeedPacket): void {
    if (this.#ended || this.#error) {
      packet.unit.free();
      return;
    }
    if (this.#waiting) {
      this.#waiting.resolve(packet);
      this.#waiting = undefined;
      return;
    }
    this.#packets.push(packet);
    if (this.#packets.length > MOST) this.#packets.shift()!.unit.free();
  }

  /** Nothing more comes. */
  fail(error: Error): void {
    if (this.#ended || this.#error) return;
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Nobody reads any more. */
  end(): void {
    this.#ended = true;
    for (const { unit } of this.#packets.splice(0)) unit.free();
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  /** The next one; undefined when nobody reads any more. Rejects with why nothing more comes, when all before is read. */
  take(): Promise<FeedPacket | undefined> {
    const packet = this.#packets.shift();
    if (packet || this.#ended) return Promise.resolve(packet);
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
