/**
 * A data channel as the application has it: at hand from `consumer-added` on, before there is a connection to carry it, and
 * wherever the session lives.
 */
import { Emitter } from '../../common/emitter.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import type { DataChannel, DataChannelEvents } from '../../connection/transport/types.ts';

/** The way to what carries the channel. */
export interface ChannelCarrier {
  /** Bytes handed over and not yet sent. */
  readonly bufferedAmount: number;
  send(data: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Somebody began to listen to its messages, or nobody does any more. */
  listen?(listening: boolean): void;
}

export class SessionDataChannel extends Emitter<DataChannelEvents> implements DataChannel {
  readonly label: string;
  #id: number | null = null;
  #state: DataChannel['readyState'] = 'connecting';
  #carrier: ChannelCarrier | undefined;
  /** What the carrier believes. */
  #listening = true;

  constructor(label: string, carrier?: ChannelCarrier) {
    super();
    this.label = label;
    this.#carrier = carrier;
  }

  get id(): number | null {
    return this.#id;
  }

  get readyState(): DataChannel['readyState'] {
    return this.#state;
  }

  get bufferedAmount(): number {
    return this.#state === 'closed' ? 0 : (this.#carrier?.bufferedAmount ?? 0);
  }

  override on<K extends keyof DataChannelEvents>(event: K, listener: (...args: DataChannelEvents[K]) => unknown): () => void {
    const off = super.on(event, listener);
    this.#tellListening();
    return off;
  }

  override off<K extends keyof DataChannelEvents>(event: K, listener: (...args: DataChannelEvents[K]) => unknown): void {
    super.off(event, listener);
    this.#tellListening();
  }

  async send(data: string | Uint8Array): Promise<void> {
    if (this.#state !== 'open' || !this.#carrier) {
      throw new TsWebRTCError('INVALID_STATE', `data channel "${this.label}" is ${this.#state}; send while it is open`);
    }
    await this.#carrier.send(data);
  }

  async close(): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    if (this.#carrier) await this.#carrier.close();
    else this.ended();
  }

  /** @internal There is a connection now, with `channel` for it. */
  bind(channel: DataChannel): void {
    if (this.#state !== 'connecting') return void channel.close();
    this.#carrier = channel;
    channel.on('open', () => this.opened(channel.id));
    channel.on('message', (data) => this.received(data));
    channel.on('close', () => this.ended());
  }

  /** @internal */
  opened(id: number | null): void {
    if (this.#state !== 'connecting') return;
    this.#id = id;
    this.#state = 'open';
    this.emit('open');
    this.#tellListening();
  }

  /** @internal */
  received(data: string | Uint8Array): void {
    if (this.#state !== 'closed') this.emit('message', data);
  }

  /** @internal */
  ended(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.emit('close');
    this.removeAllListeners();
  }

  /** From the moment on in which it opened. Who takes one message and at once waits for the next one has listened all the time. */
  #tellListening(): void {
    if (this.listenerCount('message') > 0) this.#tell(true);
    else if (this.#state === 'open') setImmediate(() => this.#tell(this.listenerCount('message') > 0));
  }

  #tell(listening: boolean): void {
    if (this.#state !== 'open' || listening === this.#listening) return;
    this.#listening = listening;
    this.#carrier?.listen?.(listening);
  }
}
