// @ts-check
/** A client of Janus's WebSocket API, as far as the VideoRoom needs one: a session, its handles, requests and events. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';

/** @typedef {import('tswebrtc').SessionDescription} SessionDescription */
/** @typedef {{ data: Record<string, any>, jsep?: SessionDescription }} Reply */

/** ms; Janus ends a session of which it hears nothing for a minute. */
const KEEPALIVE_INTERVAL = 20_000;

export class JanusClient {
  #socket;
  /** @type {number | undefined} */
  #session;
  /** By transaction. @type {Map<string, { resolve: (message: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  /** @type {Map<number, JanusHandle>} */
  #handles = new Map();
  #keepalive = setInterval(() => this.post({ janus: 'keepalive' }), KEEPALIVE_INTERVAL);

  /** @param {string} uri */
  static async connect(uri) {
    const socket = new WebSocket(uri, 'janus-protocol');
    await once(socket, 'open');
    const client = new JanusClient(socket);
    client.#session = (await client.request({ janus: 'create' })).data.id;
    return client;
  }

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (text) => this.#receive(JSON.parse(String(text))));
    socket.on('close', () => this.#onClose());
  }

  /** @param {string} plugin */
  async attach(plugin) {
    const { data } = await this.request({ janus: 'attach', plugin });
    const handle = new JanusHandle(this, data.id);
    this.#handles.set(data.id, handle);
    return handle;
  }

  /**
   * Resolves with the outcome, which follows an acknowledgement where it takes its time; rejects where Janus refuses.
   * @param {Record<string, unknown>} message
   * @returns {Promise<any>}
   */
  request(message) {
    return new Promise((resolve, reject) => this.#waiting.set(this.post(message), { resolve, reject }));
  }

  /** Says it, whatever comes of it; returns the transaction. @param {Record<string, unknown>} message */
  post(message) {
    const transaction = randomUUID();
    this.#socket.send(JSON.stringify({ transaction, session_id: this.#session, ...message }));
    return transaction;
  }

  /** Ends the session and all that belongs to it. */
  async close() {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, 'close');
    this.post({ janus: 'destroy' });
    this.#socket.close();
    await closed;
  }

  /** @param {any} message */
  #receive(message) {
    if (message.janus === 'ack') return;
    const waiting = this.#waiting.get(message.transaction);
    this.#waiting.delete(message.transaction);
    const error = message.error?.reason ?? message.plugindata?.data.error;
    if (!waiting) this.#handles.get(message.sender)?.receive(message);
    else if (error) waiting.reject(new Error(`Janus refuses: ${error}`));
    else waiting.resolve(message);
  }

  #onClose() {
    clearInterval(this.#keepalive);
    for (const { reject } of this.#waiting.values()) reject(new Error('Janus has closed the WebSocket'));
    for (const handle of this.#handles.values()) handle.emit('hangup', 'Janus has closed the WebSocket');
  }
}

/** One connection of a plugin. Events: `event` with what the plugin says unasked, `hangup` with the reason. */
export class JanusHandle extends EventEmitter {
  #client;
  #id;

  /** @param {JanusClient} client @param {number} id */
  constructor(client, id) {
    super();
    this.#client = client;
    this.#id = id;
  }

  /**
   * @param {Record<string, unknown>} body @param {SessionDescription} [jsep]
   * @returns {Promise<Reply>}
   */
  async request(body, jsep) {
    const { plugindata, jsep: answer } = await this.#client.request({ janus: 'message', handle_id: this.#id, body, jsep });
    return { data: plugindata?.data ?? {}, jsep: answer };
  }

  /** An empty candidate: there are no more. @param {string} candidate @param {number} sdpMLineIndex */
  trickle(candidate, sdpMLineIndex) {
    const what = candidate === '' ? { completed: true } : { candidate, sdpMLineIndex };
    this.#client.post({ janus: 'trickle', handle_id: this.#id, candidate: what });
  }

  /** @param {any} message */
  receive({ janus, plugindata, reason }) {
    if (janus === 'hangup') this.emit('hangup', reason);
    else if (plugindata) this.emit('event', plugindata.data);
  }
}
