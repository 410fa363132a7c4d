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
}

export class SessionDataChannel extends Emitter<DataChannelEvents> implements DataChannel {
  readonly label: string;
  #id: number | null = null;
  #state: DataChannel['readyState'] = 'connecting';
  #carrier: ChannelCarrier | undefined;

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
}
