/** Writes datagrams to a stream, such that those of one turn of the event loop leave in one system call and none waits for ever. */
import type { Socket } from 'node:net';

/** Bytes that may wait in this process for a slow peer; media beyond that are better lost than late. */
const MOST_MEDIA_WAITING = 128 << 10;
/** What keeps a connection alive is little, and worth the wait. */
const MOST_WAITING = 256 << 10;
/** ms that what was sent last has to leave. */
const GOODBYE = 2000;

export class BoundedWriter {
  readonly #socket: Socket;
  #corked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Whether there is room; what is written otherwise is dropped. */
  takes(isMedia: boolean): boolean {
    const { writable, writableLength } = this.#socket;
    return writable && writableLength <= (isMedia ? MOST_MEDIA_WAITING : MOST_WAITING);
  }

  write(frame: Uint8Array, isMedia: boolean): void {
    if (!this.takes(isMedia)) return;
    const socket = this.#socket;
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(frame);
  }

  /** Closes; what was written before still goes out, if the peer takes it in time, whatever it sends meanwhile. */
  end(): void {
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), GOODBYE);
    socket.once('close', () => clearTimeout(timer));
    socket.destroySoon();
  }
}
