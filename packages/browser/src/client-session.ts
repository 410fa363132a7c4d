/** One consumer of a producer session (reference §6.5): sends the stream's tracks, by an offer of its own or an answer. */
import { SessionState } from './session-state.ts';
import { type SessionLink, WebRTCSession } from './webrtc-session.ts';

export class ClientSession extends WebRTCSession {
  readonly #stream: MediaStream;

  /** @internal Made by a `ProducerSession`. `offer`: the consumer's, where it makes one. */
  constructor(peerId: string, sessionId: string, stream: MediaStream, link: SessionLink, offer: string | null) {
    super(peerId, link);
    this.#stream = stream;
    this.started(sessionId);
    this.setState(SessionState.streaming);
    this.enqueue(() => (offer === null ? this.#begin() : this.#answer(offer)));
  }

  protected override async onRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    if (description.type === 'answer') await this.rtcPeerConnection?.setRemoteDescription(description);
    else if (description.sdp !== undefined) await this.#answer(description.sdp);
  }

  async #begin(): Promise<void> {
    const connection = this.#connect();
    await this.#offer(connection);
    // Tracks that the application adds to the connection later, or takes away, are offered anew.
    connection.addEventListener('negotiationneeded', () => this.enqueue(() => this.#offer(connection)));
  }

  async #offer(connection: RTCPeerConnection): Promise<void> {
    if (connection.signalingState !== 'stable') return;
    await connection.setLocalDescription(await connection.createOffer());
    this.#tell(connection);
  }

  async #answer(offer: string): Promise<void> {
    const connection = this.rtcPeerConnection ?? this.createConnection();
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const sent = new Set(connection.getSenders().map(({ track }) => track));
    for (const track of this.#stream.getTracks()) if (!sent.has(track)) connection.addTrack(track, this.#stream);
    await connection.setLocalDescription(await connection.createAnswer());
    this.#tell(connection);
  }

  #connect(): RTCPeerConnection {
    const connection = this.createConnection();
    for (const track of this.#stream.getTracks()) connection.addTrack(track, this.#stream);
    return connection;
  }

  #tell({ localDescription }: RTCPeerConnection): void {
    if (this.closed || !localDescription || (localDescription.type !== 'offer' && localDescription.type !== 'answer')) return;
    const { type, sdp } = localDescription;
    this.link.send({ type: 'peer', sessionId: this.sessionId, sdp: { type, sdp } });
    this.describedLocally();
  }
}
