// @ts-check
/** A signaller that publishes in a VideoRoom of Janus: Janus is the sink's only consumer, and forwards to everybody in the room. */
import { EventEmitter } from 'node:events';
import { JanusClient } from './janus-client.js';

/** @typedef {import('tswebrtc').SessionDescription} SessionDescription */
/** @typedef {import('tswebrtc').Signaller} Signaller */

const SESSION = 'room';

/** @implements {Signaller} */
export class VideoRoomSignaller {
  #options;
  #events = new EventEmitter();
  /** @type {JanusClient | undefined} */
  #client;
  /** @type {import('./janus-client.js').JanusHandle | undefined} */
  #handle;
  #published = false;

  /** @param {{ uri: string, room: number, bitrate: number }} options bitrate: the most that Janus lets us send, bit/s */
  constructor(options) {
    this.#options = options;
  }

  /** @type {Signaller['on']} */
  on(event, listener) {
    this.#events.on(event, listener);
    return () => this.#events.off(event, listener);
  }

  async start() {
    const { uri, room } = this.#options;
    this.#client = await JanusClient.connect(uri);
    const handle = await this.#client.attach('janus.plugin.videoroom');
    this.#handle = handle;
    handle.on('hangup', (reason) => this.#events.emit('session-ended', SESSION, reason));
    const { data } = await handle.request({ request: 'join', ptype: 'publisher', room });
    this.#events.emit('registered', String(data.id));
    this.#events.emit('session-requested', SESSION, `room ${room}`, undefined);
  }

  async stop() {
    await this.#client?.close();
  }

  /** The first offer publishes, later ones change what is published. @param {string} _session @param {SessionDescription} offer */
  sendSdp(_session, offer) {
    const { bitrate } = this.#options;
    const body = this.#published ? { request: 'configure' } : { request: 'publish', bitrate };
    this.#published = true;
    this.#handle?.request(body, offer).then(
      ({ jsep }) => this.#events.emit('session-description', SESSION, jsep),
      (error) => this.#events.emit('session-ended', SESSION, error.message),
    );
  }

  /** @param {string} _session @param {string} candidate @param {number} sdpMLineIndex */
  addIce(_session, candidate, sdpMLineIndex) {
    this.#handle?.trickle(candidate, sdpMLineIndex);
  }

  endSession() {
    this.#handle?.request({ request: 'leave' }).catch(() => {});
  }

  /** Changes the most that Janus lets us send. @param {number} bitrate bit/s */
  async limit(bitrate) {
    await this.#handle?.request({ request: 'configure', bitrate });
  }
}
