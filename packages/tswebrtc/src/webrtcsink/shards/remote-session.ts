/** A session that lives in another thread, as the sink sees it: what is asked of it is carried there, what it says comes back. */
import { Emitter } from '../../common/emitter.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import { checkDataChannel } from '../../connection/data-channel-init.ts';
import type { DataChannel, DataChannelInit, RTCStatsEntry } from '../../connection/transport/types.ts';
import type { IceServer } from '../../connection/types.ts';
import type { SessionDescription } from '../../signalling/signaller.ts';
import type { Session } from '../session.ts';
import type { SessionFigures } from '../session-figures.ts';
import type { EndReason, SessionEvents } from '../session-types.ts';
import type { SinkTrack } from '../tracks.ts';
import { errorOf, type FromSession, plainTracks, type SessionReplies, type ToSession } from './messages.ts';
import { RemoteChannels } from './remote-channels.ts';

/** A session, wherever it lives. */
export type PlacedSession = Pick<
  Session,
  | 'id'
  | 'peerId'
  | 'on'
  | 'start'
  | 'setTracks'
  | 'restartIce'
  | 'handleDescription'
  | 'handleCandidate'
  | 'setIceServers'
  | 'createDataChannel'
  | 'answerUpstream'
  | 'getStats'
  | 'getFigures'
  | 'fail'
  | 'close'
>;

export interface RemoteSessionOptions {
  readonly id: string;
  readonly peerId: string;
  /** Peers that are sent the same encoding: only the main thread knows. */
  readonly sharedWith: (encodingId: string | undefined) => readonly string[];
  readonly post: (message: ToSession) => void;
  /** Asks and waits for the answer; undefined where the thread ended before it came. */
  readonly request: <K extends keyof SessionReplies>(
    message: (request: number) => ToSession,
  ) => Promise<SessionReplies[K] | undefined>;
  readonly onClosed: () => void;
}

export class RemoteSession extends Emitter<SessionEvents> implements PlacedSession {
  readonly id: string;
  readonly peerId: string;
  readonly #options: RemoteSessionOptions;
  readonly #channels: RemoteChannels;
  #figures: SessionFigures;
  #closing: Promise<void> | undefined;

  constructor(options: RemoteSessionOptions) {
    super();
    this.id = options.id;
    this.peerId = options.peerId;
    this.#options = options;
    this.#figures = noFigures(options.id, options.peerId);
    this.#channels = new RemoteChannels({ ...options, onAnnounced: (channel) => this.emit('datachannel', channel) });
  }

  async start(offer?: SessionDescription): Promise<void> {
    const { id } = this;
    await this.#options.request<'start'>((request) => ({ type: 'start', id, request, offer }));
  }

  setTracks(tracks: readonly SinkTrack[]): void {
    if (!this.#closing) this.#options.post({ type: 'tracks', id: this.id, tracks: plainTracks(tracks) });
  }

  async restartIce(): Promise<void> {
    if (!this.#closing) this.#options.post({ type: 'restart-ice', id: this.id });
  }

  async handleDescription(description: SessionDescription): Promise<void> {
    if (!this.#closing) this.#options.post({ type: 'description', id: this.id, description });
  }

  async handleCandidate(candidate: string, sdpMLineIndex: number, sdpMid: string | undefined): Promise<void> {
    if (!this.#closing) this.#options.post({ type: 'candidate', id: this.id, candidate: [candidate, sdpMLineIndex, sdpMid] });
  }

  setIceServers(servers: readonly IceServer[]): void {
    if (!this.#closing) this.#options.post({ type: 'ice-servers', id: this.id, servers });
  }

  createDataChannel(label: string, init?: DataChannelInit): DataChannel {
    checkDataChannel(label, init);
    return this.#channels.create(label, init);
  }

  answerUpstream(token: number, error: string | null): void {
    if (!this.#closing) this.#options.post({ type: 'upstream-answer', id: this.id, token, error });
  }

  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    const { id } = this;
    const stats = await this.#options.request<'stats'>((request) => ({ type: 'stats', id, request }));
    return stats ?? new Map();
  }

  async getFigures(): Promise<SessionFigures> {
    const { id } = this;
    const figures = await this.#options.request<'figures'>((request) => ({ type: 'figures', id, request }));
    const sharedWith = this.#options.sharedWith(figures?.encodingId ?? undefined);
    this.#figures = figures ? { ...figures, sharedWith } : { ...this.#figures, sharedWith, state: 'closed' };
    return this.#figures;
  }

  fail(reason: EndReason, error?: TsWebRTCError): void {
    if (!this.#closing) this.emit('end', reason, error);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** @internal Something that it said. */
  handle(message: Exclude<FromSession, { type: 'reply' }>): void {
    if (this.#closing) return;
    if (message.type === 'description') this.emit('description', message.description);
    else if (message.type === 'candidate') this.emit('candidate', ...message.candidate);
    else if (message.type === 'track-failed') this.emit('track-failed', message.track, errorOf(message.error));
    else if (message.type === 'upstream') this.emit('upstream', message.request);
    else if (message.type !== 'end') this.#channels.handle(message);
    else this.fail(message.reason, message.error && errorOf(message.error));
  }

  /** @internal Its thread is gone. */
  lost(cause: Error | undefined): void {
    const why = cause ? ` (${cause.message.replace(/\.$/, '')})` : '';
    this.fail(
      'error',
      new TsWebRTCError('INTERNAL', `the thread that served peer ${this.peerId} ended unexpectedly${why}.`, { cause }),
    );
  }

  async #close(): Promise<void> {
    const { id } = this;
    await this.#options.request<'close'>((request) => ({ type: 'close-session', id, request }));
    this.#channels.end();
    this.removeAllListeners();
    this.#options.onClosed();
  }
}

/** Of a session that has said nothing yet. */
function noFigures(sessionId: string, peerId: string): SessionFigures {
  return {
    sessionId,
    peerId,
    codec: null,
    targetBitrate: 0,
    sentBitrate: 0,
    packetLoss: null,
    roundTripTime: null,
    networkState: 'normal',
    fecPercentage: 0,
    retransmittedPackets: 0,
    framesSkipped: 0,
    encodingId: null,
    encodingBitrate: null,
    sharedWith: [],
    encodingReason: null,
    mitigationMode: 'none',
    width: null,
    height: null,
    framerate: null,
    state: 'new',
  };
}
