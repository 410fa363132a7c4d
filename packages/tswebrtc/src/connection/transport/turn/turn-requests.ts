/**
 * Requests to a TURN server: signed with long-term credentials (RFC 8489 §9.2), repeated where the path may lose them, made anew
 * with what a refusal tells. Sans-IO; times in ms.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  ATTRIBUTE,
  type Attributes,
  CLASS,
  isSigned,
  type Method,
  readError,
  type StunMessage,
  writeStun,
} from './stun-message.ts';

/** Of UDP, before the first repetition; doubling. */
const FIRST_WAIT = 200;
/** New nonces, other credentials: how often one request is made. */
const MOST_ATTEMPTS = 4;

export interface TurnCredentials {
  readonly username: string;
  readonly credential: string;
}

export interface TurnError {
  /** Undefined: there was no answer. */
  readonly code: number | undefined;
  /** Without a full stop. */
  readonly reason: string;
  readonly response?: StunMessage;
}

export interface TurnRequest {
  readonly method: Method;
  readonly attributes: (transactionId: Buffer) => Attributes;
  /** How often it is sent before it counts as unanswered, as long after the last time as between all of them. */
  readonly tries: number;
  readonly succeeded: (response: StunMessage, now: number) => void;
  readonly failed: (error: TurnError, now: number) => void;
}

interface Transaction {
  readonly request: TurnRequest;
  bytes: Buffer;
  key: Buffer | undefined;
  attempts: number;
  sent: number;
  nextAt: number;
}

export class TurnRequests {
  readonly #stream: boolean;
  readonly #send: (message: Buffer) => void;
  readonly #plan: (time: number) => void;
  readonly #transactions = new Map<string, Transaction>();
  #credentials: TurnCredentials;
  #newCredentials: TurnCredentials | undefined;
  #realm: Buffer | undefined;
  #nonce: Buffer | undefined;
  #key: Buffer | undefined;

  /** `plan`: `advance` is to be called at that time. */
  constructor(credentials: TurnCredentials, stream: boolean, send: (message: Buffer) => void, plan: (time: number) => void) {
    this.#credentials = credentials;
    this.#stream = stream;
    this.#send = send;
    this.#plan = plan;
  }

  /** Newer ones, used as soon as those in force are refused: RFC 8656 §5 lets an allocation change its user at no other time. */
  setCredentials(credentials: TurnCredentials): void {
    const { username, credential } = this.#credentials;
    if (credentials.username !== username || credentials.credential !== credential) this.#newCredentials = credentials;
  }

  begin(request: TurnRequest, now: number): void {
    const { id, bytes } = this.#sign(request);
    this.#begin({ request, bytes, key: this.#key, attempts: 1, sent: 0, nextAt: now }, id, now);
  }

  /** Sends a request once, without waiting for an answer. */
  sendOnce(request: Pick<TurnRequest, 'method' | 'attributes'>): void {
    this.#send(this.#sign(request).bytes);
  }

  receive(message: StunMessage, now: number): void {
    const id = message.transactionId.toString('hex');
    const transaction = this.#transactions.get(id);
    if (transaction?.request.method !== message.method) return;
    const { request, key } = transaction;
    if (message.class === CLASS.success) {
      if (key && !isSigned(message, key)) return;
      this.#transactions.delete(id);
      request.succeeded(message, now);
    } else if (message.class === CLASS.error) {
      this.#transactions.delete(id);
      const { code, reason } = readError(message.attributes.get(ATTRIBUTE.errorCode));
      if (transaction.attempts < MOST_ATTEMPTS && this.#learn(transaction, message, code)) {
        const { id: next, bytes } = this.#sign(request);
        this.#begin({ ...transaction, bytes, key: this.#key, attempts: transaction.attempts + 1, sent: 0 }, next, now);
      } else request.failed({ code, reason: sentenceOf(code, reason), response: message }, now);
    }
  }

  /** Repeats what is due, and gives up what has waited long enough. */
  advance(now: number): void {
    for (const [id, transaction] of [...this.#transactions]) {
      if (transaction.nextAt > now || !this.#transactions.has(id)) continue;
      if (transaction.sent < transaction.request.tries && !this.#stream) this.#transmit(transaction, now);
      else {
        this.#transactions.delete(id);
        transaction.request.failed({ code: undefined, reason: 'no answer' }, now);
      }
    }
  }

  /** When `advance` has something to do. */
  get due(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { nextAt } of this.#transactions.values()) due = Math.min(due, nextAt);
    return due;
  }

  clear(): void {
    this.#transactions.clear();
  }

  #begin(transaction: Transaction, id: string, now: number): void {
    this.#transactions.set(id, transaction);
    this.#transmit(transaction, now);
  }

  #transmit(transaction: Transaction, now: number): void {
    const { tries } = transaction.request;
    transaction.nextAt = now + FIRST_WAIT * (this.#stream ? 2 ** tries - 1 : 2 ** transaction.sent);
    transaction.sent++;
    this.#plan(transaction.nextAt);
    this.#send(transaction.bytes);
  }

  #sign({ method, attributes }: Pick<TurnRequest, 'method' | 'attributes'>): { id: string; bytes: Buffer } {
    const transactionId = randomBytes(12);
    const all = [...attributes(transactionId)];
    if (this.#key && this.#realm && this.#nonce) {
      all.push(
        [ATTRIBUTE.username, Buffer.from(this.#credentials.username)],
        [ATTRIBUTE.realm, this.#realm],
        [ATTRIBUTE.nonce, this.#nonce],
      );
    }
    return { id: transactionId.toString('hex'), bytes: writeStun(method, CLASS.request, all, this.#key, transactionId) };
  }

  /** Whether the same request may succeed with what this refusal has told. */
  #learn({ key }: Transaction, { attributes }: StunMessage, code: number): boolean {
    if (code !== 401 && code !== 438) return false;
    const nonce = attributes.get(ATTRIBUTE.nonce);
    const realm = attributes.get(ATTRIBUTE.realm);
    if (nonce) this.#nonce = Buffer.from(nonce);
    if (realm) this.#realm = Buffer.from(realm);
    if (!this.#realm || !this.#nonce) return false;
    // The first request carries no credentials; then they are refused.
    // What was signed before others had newer ones accepted is signed anew.
    if (code === 401 && key && this.#key?.equals(key)) {
      if (!this.#newCredentials) return false;
      this.#credentials = this.#newCredentials;
      this.#newCredentials = undefined;
    }
    const { username, credential } = this.#credentials;
    this.#key = createHash('md5').update(`${username}:`).update(this.#realm).update(`:${credential}`).digest();
    return true;
  }
}

/** What a server writes is not ours to pass on as it is. */
function sentenceOf(code: number, reason: string): string {
  if (code === 401) return 'the credentials were refused (401)';
  return `refused: ${code} ${reason.slice(0, 100).replace(/[^\x20-\x7e]/g, '')}`.trimEnd();
}
