// @ts-check
/**
 * A signaller of your own: copy this file and replace the HTTP by whatever carries your messages.
 *
 * This one lets a page ask for a stream with two plain requests and no WebSocket:
 *
 *   POST /watch              → { sessionId, sdp }   the sink's offer, with all its candidates
 *   POST /answer/SESSION     ← the page's answer, with all its candidates
 *   DELETE /watch/SESSION    the page is done
 *
 * A signaller carries descriptions and candidates between the sink and a peer, and knows nothing else of WebRTC.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

/** @typedef {import('tswebrtc').Signaller} Signaller */
/** @typedef {{ sdp?: string, candidates: string[], respond: (offer: { sessionId: string, sdp: string } | { error: string }) => void }} Pending */

/** @implements {Signaller} */
export class HttpSignaller {
  /** @type {Map<string, Set<Function>>} */
  #listeners = new Map();
  /** Sessions whose offer is not complete yet. @type {Map<string, Pending>} */
  #pending = new Map();
  #server = createServer((request, response) => this.#handle(request, response).catch(() => response.writeHead(500).end()));
  #port;

  /** @param {number} port of 127.0.0.1; 0 takes any free one */
  constructor(port) {
    this.#port = port;
  }

  get url() {
    const address = this.#server.address();
    return typeof address === 'object' && address ? `http://127.0.0.1:${address.port}/` : undefined;
  }

  // What the sink calls.

  /** Connects and announces; here: listens. */
  async start() {
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => resolve(undefined));
    });
    this.#emit('registered', 'http');
  }

  async stop() {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  /** @param {string} sessionId @param {{ type: 'offer' | 'answer', sdp: string }} description */
  sendSdp(sessionId, description) {
    const pending = this.#pending.get(sessionId);
    if (pending) pending.sdp = description.sdp;
  }

  /** Candidates come one by one, an empty one at the end: only then is the offer complete. @param {string} sessionId @param {string} candidate */
  addIce(sessionId, candidate) {
    const pending = this.#pending.get(sessionId);
    if (!pending) return;
    if (candidate) {
      pending.candidates.push(candidate);
      return;
    }
    this.#pending.delete(sessionId);
    // All candidates belong to the first m-line, because everything is bundled.
    const [session, first, ...others] = (pending.sdp ?? '').split(/^(?=m=)/m);
    const lines = [...pending.candidates.map((line) => `a=${line}\r\n`), 'a=end-of-candidates\r\n'].join('');
    pending.respond({ sessionId, sdp: [session, first + lines, ...others].join('') });
  }

  /** @param {string} sessionId @param {string} [error] */
  endSession(sessionId, error) {
    this.#pending.get(sessionId)?.respond({ error: error ?? 'the session ended' });
    this.#pending.delete(sessionId);
  }

  // What the sink listens to.

  /** @param {string} event @param {(...args: any[]) => void} listener */
  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** @param {string} event @param {...unknown} args */
  #emit(event, ...args) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...args);
  }

  // What peers ask.

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #handle(request, response) {
    const [, resource, sessionId = ''] = (request.url ?? '').split('/');
    if (request.method === 'GET' && resource === '') {
      const page = await readFile(new URL('index.html', import.meta.url));
      response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    } else if (request.method === 'POST' && resource === 'watch') {
      const id = randomUUID();
      const offer = await new Promise((respond) => {
        this.#pending.set(id, { candidates: [], respond });
        this.#emit('session-requested', id, request.socket.remoteAddress ?? 'unknown', undefined);
      });
      response.writeHead('error' in offer ? 503 : 201, { 'content-type': 'application/json' }).end(JSON.stringify(offer));
    } else if (request.method === 'POST' && resource === 'answer') {
      this.#emit('session-description', sessionId, { type: 'answer', sdp: await text(request) });
      response.writeHead(204).end();
    } else if (request.method === 'DELETE' && resource === 'watch') {
      this.#emit('session-ended', sessionId, undefined);
      response.writeHead(204).end();
    } else {
      response.writeHead(404).end();
    }
  }
}

/** @param {import('node:http').IncomingMessage} request */
async function text(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > 65536) throw new Error('too large for an answer');
  }
  return body;
}
