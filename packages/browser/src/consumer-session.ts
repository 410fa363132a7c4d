/**
 * Receives the media of one producer (reference §6.5). Usually the producer makes the offer; with offer options this side
 * does, and the producer answers.
 */
import { GstWebRTCError, messageOf } from './errors.ts';
import { RemoteController } from './remote/remote-controller.ts';
import { SessionState } from './session-state.ts';
import { withStereo } from './stereo.ts';
import { type SessionLink, WebRTCSession, type WebRTCSessionEvents } from './webrtc-session.ts';

/** Events of a {@link ConsumerSession}. */
export interface ConsumerSessionEvents extends WebRTCSessionEvents {
  /** `streams` has changed. */
  streamsChanged: Event;
  /** `remoteController` has changed. */
  remoteControllerChanged: Event;
}

export class ConsumerSession extends WebRTCSession<ConsumerSessionEvents> {
  readonly #offerOptions: RTCOfferOptions | null;
  #streams: MediaStream[] = [];
  /** Holds tracks the producer put into no stream. */
  #strayTracks: MediaStream | null = null;
  #remoteController: RemoteController | null = null;
  #mungeStereo = false;

  /** @internal Made by `GstWebRTCAPI.createConsumerSession`. */
  constructor(peerId: string, link: SessionLink, offerOptions: RTCOfferOptions | null = null) {
    super(peerId, link);
    this.#offerOptions = offerOptions;
  }

  /** The media received so far. */
  get streams(): MediaStream[] {
    return [...this.#streams];
  }

  /** Sends what the viewer does to the producer, where that lets itself be controlled; null before that and elsewhere. */
  get remoteController(): RemoteController | null {
    return this.#remoteController;
  }

  /** The raw `control` data channel of the session, where there is one. */
  get controlChannel(): RTCDataChannel | null {
    return this.#remoteController?.rtcDataChannel ?? null;
  }

  /** Whether to answer a stereo Opus offer with `stereo=1`, without which Chromium plays mono. Default: false. */
  get mungeStereoHack(): boolean {
    return this.#mungeStereo;
  }

  set mungeStereoHack(enabled: boolean) {
    this.#mungeStereo = Boolean(enabled);
  }

  /**
   * Asks the producer for its media. Progress and failure arrive as events.
   * @returns whether the session is on its way (or was already); false when it is closed or the server is not connected.
   */
  connect(): boolean {
    if (this.closed || !this.link.connected) return false;
    if (this.state !== SessionState.idle) return true;
    this.setState(SessionState.connecting);
    const options = this.#offerOptions;
    if (options) this.enqueue(() => this.#offer(options));
    else this.#request(null);
    return !this.closed;
  }

  protected override createConnection(): RTCPeerConnection {
    const connection = super.createConnection();
    connection.addEventListener('track', (event) => this.#addTrack(event));
    connection.addEventListener('datachannel', ({ channel }) => {
      if (channel.label === 'control') this.#adoptControlChannel(channel);
    });
    return connection;
  }

  protected override async onRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    if (description.type === 'offer') await this.#answer(description.sdp ?? '');
    else await this.#accept(description);
  }

  protected override onClosing(): void {
    this.#remoteController?.close();
  }

  async #offer(options: RTCOfferOptions): Promise<void> {
    const connection = this.createConnection();
    this.#adoptControlChannel(connection.createDataChannel('control'));
    const offer = await connection.createOffer(options);
    await connection.setLocalDescription(offer);
    if (this.closed) return;
    this.#request(offer.sdp ?? '');
    this.describedLocally();
  }

  #request(offer: string | null): void {
    if (this.closed || this.link.requestSession(this, this.peerId, offer)) return;
    this.fail(
      new GstWebRTCError('SIGNALLING_UNREACHABLE', `${this.peerId} cannot be asked: the signalling server is not connected.`),
    );
  }

  async #answer(offer: string): Promise<void> {
    const connection = this.rtcPeerConnection ?? this.createConnection();
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const answer = await connection.createAnswer();
    const sdp = this.#mungeStereo ? withStereo(offer, answer.sdp ?? '') : (answer.sdp ?? '');
    await connection.setLocalDescription({ type: 'answer', sdp });
    if (this.closed) return;
    this.link.send({ type: 'peer', sessionId: this.sessionId, sdp: { type: 'answer', sdp } });
    this.describedLocally();
  }

  async #accept(answer: RTCSessionDescriptionInit): Promise<void> {
    const connection = this.rtcPeerConnection;
    if (!connection) throw new GstWebRTCError('NEGOTIATION_FAILED', `${this.peerId} answered an offer that was never made.`);
    try {
      await connection.setRemoteDescription(answer);
    } catch (cause) {
      const text = `The answer of ${this.peerId} does not fit the offer: ${messageOf(cause)}`;
      throw new GstWebRTCError('NEGOTIATION_FAILED', text, { cause });
    }
  }

  #addTrack({ track, streams }: RTCTrackEvent): void {
    if (this.closed) return;
    if (streams.length === 0) {
      this.#strayTracks ??= new MediaStream();
      this.#strayTracks.addTrack(track);
    }
    const added = (streams.length > 0 ? streams : [this.#strayTracks as MediaStream]).filter((s) => !this.#streams.includes(s));
    for (const stream of added) stream.addEventListener('removetrack', () => this.#dropEmpty(stream));
    this.#streams = [...this.#streams, ...added];
    this.setState(SessionState.streaming);
    if (added.length > 0) this.dispatchEvent(new Event('streamsChanged'));
  }

  /** A re-offer has taken the last track out of a stream. */
  #dropEmpty(stream: MediaStream): void {
    if (this.closed || stream.getTracks().length > 0 || !this.#streams.includes(stream)) return;
    this.#streams = this.#streams.filter((other) => other !== stream);
    this.dispatchEvent(new Event('streamsChanged'));
  }

  /** A later channel takes the place of an earlier one. */
  #adoptControlChannel(channel: RTCDataChannel): void {
    const controller = new RemoteController(channel, this);
    const previous = this.#remoteController;
    this.#remoteController = controller;
    previous?.close();
    controller.addEventListener('closed', () => {
      if (this.#remoteController !== controller) return;
      this.#remoteController = null;
      this.dispatchEvent(new Event('remoteControllerChanged'));
    });
    this.dispatchEvent(new Event('remoteControllerChanged'));
  }
}
