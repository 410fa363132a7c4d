/**
 * The contract between an element and the way its session descriptions travel (reference §4.1). The default signaller
 * speaks the WebSocket protocol of the GStreamer family; any other transport is a class that implements `Signaller`.
 *
 * The names of the events are the reference's signals.
 */
import type { IceServer } from '@tswebrtc/protocol';

export interface SessionDescription {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

/** Free-form description of a peer, announced to the other peers. */
export type Meta = Record<string, unknown>;

export type SignallerEvents = {
  /** Registered with the server under this id. Again after a reconnection, with a new id. */
  registered: [peerId: string];
  /**
   * To producers: a consumer wants a session; `offer` when the consumer makes the offer. To consumers: a session with the peer is to
   * begin with an offer of theirs, which `sendSdp` takes.
   */
  'session-requested': [sessionId: string, peerId: string, offer: SessionDescription | undefined];
  /** For consumers: the session that was asked for exists. */
  'session-started': [sessionId: string, peerId: string];
  /** The other side ended the session, with its reason where it gave one. */
  'session-ended': [sessionId: string, error: string | undefined];
  'session-description': [sessionId: string, description: SessionDescription];
  /** A remote candidate; empty text = no more will come. */
  'handle-ice': [sessionId: string, sdpMLineIndex: number, sdpMid: string | undefined, candidate: string];
  /** The server has named STUN and TURN servers; sessions that begin from now on can use them. Again when credentials change. */
  'ice-servers': [servers: readonly IceServer[]];
  'producer-added': [producerId: string, meta: Meta | null, newlyConnected: boolean];
  'producer-removed': [producerId: string, meta: Meta | null];
  /**
   * The server is lost, for a reason in words; the signaller tries to come back, and `registered` follows when it has.
   * Sessions go on, since media flows between the peers; but none can start, be changed or be ended until then.
   */
  disconnected: [reason: string];
  /** Something went wrong; the signaller goes on (reconnects) unless `shutdown` follows. */
  error: [error: Error];
  /** The signaller gives up: the element ends its stream. */
  shutdown: [];
};

/** What the element offers its signaller. */
export interface SignallerContext {
  /** The element's `meta`, asked for at every registration. */
  requestMeta(): Meta | null;
}

export interface Signaller {
  /**
   * Whether consumers, too, may offer in a session that runs, as for an ICE restart. Both ends have to know: set it on the
   * signallers of either, and only where descriptions of a session arrive in the order in which they were sent. Default: false,
   * since producers of the GStreamer family refuse such offers.
   */
  readonly permitsConsumerOffers?: boolean;
  /** True when the signaller calls the element's munging itself. */
  readonly manualSdpMunging?: boolean;
  on<K extends keyof SignallerEvents>(event: K, listener: (...args: SignallerEvents[K]) => void): () => void;
  /** Connects and announces. Resolves at once: `registered` or `error` tells how it went. May be called again after `stop`. */
  start(context: SignallerContext): void | Promise<void>;
  /** Disconnects; resolves when nothing is left running. */
  stop(): Promise<void>;
  /** Delivers a local offer or answer. */
  sendSdp(sessionId: string, description: SessionDescription): void;
  /** Delivers a local candidate; empty text = no more will come. Never overtakes an earlier `sendSdp`. */
  addIce(sessionId: string, candidate: string, sdpMLineIndex: number, sdpMid?: string): void;
  /** Tells the peer that the session is over, with the reason where there is one. The session may be unknown already. */
  endSession(sessionId: string, error?: string): void;
  /** For consumers: asks for the session that they are set up for once more, where there is none. */
  seek?(): void;
  /** Edits a local description just before it is sent. */
  munge?(sessionId: string, description: SessionDescription): SessionDescription;
}
