/**
 * One end of a DTLS 1.2 association (RFC 6347) with the SRTP extension (RFC 5764). werift does the handshake; everything
 * after it (records, alerts, replay protection) is ours, and what reaches werift before is filtered: its state machine acts
 * on plaintext alerts and on a second ClientHello at any time, so that one forged datagram would end the connection.
 */
import { DtlsClient, DtlsServer, type DtlsSocket } from 'werift';
import type { Logger } from '../../common/logger.ts';
import { PROFILE_SIZES } from '../srtp/key-derivation.ts';
import { ReplayWindow } from '../srtp/replay-window.ts';
import type { SrtpProfile } from '../types.ts';
import type { LocalCertificate } from './certificate.ts';
import { FlightTimer, installFlightTimer } from './dtls-flight.ts';
import { HandshakeReassembly } from './dtls-reassembly.ts';
import { verifyHandshake } from './dtls-verification.ts';
import type { Fingerprint } from './types.ts';

const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const RECORD_HEADER = 13;
const DTLS_1_2 = 0xfefd;
const CLIENT_HELLO = 1;
const FINISHED = 20;
/** Handshake messages that each role may be sent in the clear. Finished is not among them: it is always encrypted. */
const PLAIN_MESSAGES = { client: new Set([2, 3, 11, 12, 13, 14]), server: new Set([CLIENT_HELLO, 11, 15, 16]) };
const CLOSE_NOTIFY = 0;
const FATAL = 2;
const BAD_CERTIFICATE = 42;
/** Records that come before the handshake is done, because the network changed their order. */
const MOST_EARLY_RECORDS = 32;
const PROFILE_IDS: Record<SrtpProfile, number> = { AEAD_AES_128_GCM: 7, AES128_CM_HMAC_SHA1_80: 1 };

export interface SrtpKeys {
  readonly profile: SrtpProfile;
  readonly localKey: Buffer;
  readonly localSalt: Buffer;
  readonly remoteKey: Buffer;
  readonly remoteSalt: Buffer;
}

export interface DtlsOptions {
  readonly role: 'client' | 'server';
  readonly certificate: LocalCertificate;
  readonly remoteFingerprints: readonly Fingerprint[];
  /** Seconds, from ICE. */
  readonly roundTripTime: number | undefined;
  readonly logger: Logger;
  /** Sends one datagram. */
  readonly send: (datagram: Buffer) => void;
}

export interface DtlsHandler {
  /** The handshake is done and the peer is who the description says. */
  connected(keys: SrtpKeys): void;
  data(message: Buffer): void;
  /** The peer closed the association. */
  closed(): void;
  failed(reason: Error): void;
}

interface RecordHeader {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  readonly sequenceNumber: number;
}

export class DtlsEndpoint {
  readonly #options: DtlsOptions;
  readonly #handler: DtlsHandler;
  readonly #socket: DtlsSocket;
  readonly #timer: FlightTimer;
  readonly #replay = new ReplayWindow();
  readonly #transport = {
    type: 'ice',
    closed: false,
    onData: (_datagram: Buffer): void => {},
    send: async (datagram: Buffer): Promise<void> => {
      if (this.#state !== 'closed') this.#sendFlight(datagram);
    },
    close: async (): Promise<void> => {},
  };
  #state: 'handshake' | 'connected' | 'closed' = 'handshake';
  readonly #reassembly: HandshakeReassembly;
  /** Of our records in the clear and of our encrypted ones. */
  readonly #sequenceNumbers = [0, 0];
  /** Encrypted handshake records that came before what they follow. */
  #held: Buffer[] = [];
  #peerFinished: Buffer | undefined;
  #early: Buffer[] = [];
  #certificate: Buffer | undefined;

  /** Must be awaited once before the first endpoint. */
  static async prepare(): Promise<void> {
    await installFlightTimer();
  }

  constructor(options: DtlsOptions, handler: DtlsHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#reassembly = new HandshakeReassembly(PLAIN_MESSAGES[options.role]);
    const Socket = options.role === 'client' ? DtlsClient : DtlsServer;
    this.#socket = new Socket({
      cert: options.certificate.certPem,
      key: options.certificate.keyPem,
      signatureHash: options.certificate.signatureHash,
      transport: this.#transport as never,
      srtpProfiles: [PROFILE_IDS.AEAD_AES_128_GCM, PROFILE_IDS.AES128_CM_HMAC_SHA1_80] as never,
      extendedMasterSecret: true,
      // Only a server asks; a client that set this would wait for a request that its server need not make.
      ...(options.role === 'server' ? { certificateRequest: true } : {}),
    });
    const firstWait = Math.min(1000, Math.max(50, 2000 * (options.roundTripTime ?? 0.1)));
    this.#timer = new FlightTimer(this.#socket.dtls, firstWait);
    Object.assign(this.#socket, { waitForReady: (condition: () => boolean) => this.#waitFor(condition) });
    this.#socket.onConnect.once(() => this.#finish());
    this.#socket.onError.subscribe((error) => this.#handshakeError(error));
  }

  /** DER of the peer's certificate, once connected. */
  get remoteCertificate(): Buffer | undefined {
    return this.#certificate;
  }

  get cipherSuite(): string | undefined {
    return this.#state === 'handshake' ? undefined : this.#socket.cipher.cipher?.name;
  }

  /** Begins the handshake: a client speaks, a server listens. */
  start(): void {
    if (this.#socket instanceof DtlsClient) this.#socket.connect().catch((error) => this.#handshakeError(error));
  }

  /** Takes a datagram from the peer. */
  receive(datagram: Buffer): void {
    for (let at = 0; at + RECORD_HEADER <= datagram.length; ) {
      const end = at + RECORD_HEADER + datagram.readUInt16BE(at + 11);
      if (end > datagram.length) return;
      this.#receiveRecord(datagram.subarray(at, end));
      at = end;
    }
  }

  #receiveRecord(record: Buffer): void {
    if (this.#state === 'closed') return;
    const header: RecordHeader = {
      type: record.readUInt8(0),
      version: record.readUInt16BE(1),
      epoch: record.readUInt16BE(3),
      sequenceNumber: record.readUIntBE(5, 6),
    };
    if (header.epoch === 0) {
      if (this.#state === 'handshake') this.#receivePlain(header.type, record);
    } else if (header.epoch === 1 && header.version === DTLS_1_2) {
      if (header.type === HANDSHAKE) this.#receiveFinished(header, record);
      else if (this.#state === 'connected') this.#receiveProtected(header, record);
      else if (this.#early.length < MOST_EARLY_RECORDS) this.#early.push(Buffer.from(record));
    }
  }

  #receivePlain(type: number, record: Buffer): void {
    if (type === ALERT && record.length >= RECORD_HEADER + 2 && record[RECORD_HEADER] === FATAL) {
      this.#fail(new Error(`the peer refused the handshake with alert ${record[RECORD_HEADER + 1]}`));
      return;
    }
    if (type !== HANDSHAKE) return;
    // A first ClientHello is answered each time, but not when the handshake has gone on: the server would choose new keys.
    const restartable = this.#options.role === 'server' && this.#socket.dtls.flight < 4;
    for (const message of this.#reassembly.accept(record.subarray(RECORD_HEADER), restartable)) {
      this.#transport.onData(plainRecord(message));
    }
    const held = this.#held;
    this.#held = [];
    for (const later of held) this.#receiveRecord(later);
  }

  #receiveFinished(header: RecordHeader, record: Buffer): void {
    const message = this.#decrypt(header, record);
    const ready = message && message.length >= 12 && message[0] === FINISHED && message.readUInt16BE(4) <= this.#reassembly.next;
    if (this.#state === 'connected') {
      // A client repeats its Finished when ours was lost: werift then sends ours again.
      if (ready && this.#options.role === 'server') this.#transport.onData(record);
    } else if (ready) {
      this.#peerFinished ??= Buffer.from(message.subarray(12));
      this.#reassembly.skip();
      this.#transport.onData(record);
    } else if (this.#held.length < MOST_EARLY_RECORDS) {
      this.#held.push(Buffer.from(record));
    }
  }

  #receiveProtected(header: RecordHeader, record: Buffer): void {
    if (!this.#replay.isFresh(header.sequenceNumber)) return;
    const message = this.#decrypt(header, record);
    if (!message) return;
    this.#replay.accept(header.sequenceNumber);
    if (header.type === APPLICATION_DATA) this.#handler.data(message);
    else if (header.type === ALERT && message.length >= 2) {
      const [level, description] = message;
      if (description === CLOSE_NOTIFY) this.#end(() => this.#handler.closed());
      else if (level === FATAL) this.#fail(new Error(`the peer ended the association with alert ${description}`));
    }
  }

  /** Undefined when the record is not authentic or the keys are not known yet. */
  #decrypt(header: RecordHeader, record: Buffer): Buffer | undefined {
    const { cipher, sessionType } = this.#socket.cipher;
    // 8 bytes of explicit nonce and 16 of tag (RFC 5288).
    if (!cipher || record.length < RECORD_HEADER + 24) return undefined;
    try {
      return cipher.decrypt(sessionType, record.subarray(RECORD_HEADER), header);
    } catch {
      return undefined;
    }
  }

  /** Sends one message of application data; dropped unless connected. */
  send(message: Uint8Array): void {
    if (this.#state === 'connected') this.#sendRecord(APPLICATION_DATA, message);
  }

  #sendRecord(type: number, content: Uint8Array): void {
    this.#options.send(this.#sealRecord(type, content));
  }

  #sealRecord(type: number, content: Uint8Array): Buffer {
    const { cipher, sessionType } = this.#socket.cipher;
    const header: RecordHeader = { type, version: DTLS_1_2, epoch: 1, sequenceNumber: this.#sequenceNumbers[1]!++ };
    const sealed = cipher.encrypt(sessionType, Buffer.from(content), header);
    const record = Buffer.allocUnsafe(RECORD_HEADER + sealed.length);
    record.writeUInt8(type, 0);
    record.writeUInt16BE(DTLS_1_2, 1);
    record.writeUInt16BE(header.epoch, 3);
    record.writeUIntBE(header.sequenceNumber, 5, 6);
    record.writeUInt16BE(sealed.length, 11);
    sealed.copy(record, RECORD_HEADER);
    return record;
  }

  /**
   * Sends a datagram of werift's handshake under record numbers of ours. werift repeats numbers when it retransmits, which
   * peers with replay protection drop, and gives its Finished a number that it gives to later data again: for AES-GCM that
   * would be a repeated nonce (RFC 5288 §3).
   */
  #sendFlight(datagram: Buffer): void {
    const records: Buffer[] = [];
    for (let at = 0; at + RECORD_HEADER <= datagram.length; ) {
      const end = at + RECORD_HEADER + datagram.readUInt16BE(at + 11);
      const record = datagram.subarray(at, end);
      if (record.readUInt16BE(3) === 0) {
        record.writeUIntBE(this.#sequenceNumbers[0]!++, 5, 6);
        records.push(record);
      } else {
        const finished = this.#ownFinished();
        if (finished) records.push(this.#sealRecord(HANDSHAKE, finished));
      }
      at = end;
    }
    if (records.length > 0) this.#options.send(Buffer.concat(records));
  }

  #ownFinished(): Buffer | undefined {
    const flight = this.#socket.dtls.handshakeCache[this.#options.role === 'client' ? 5 : 6];
    return flight?.data.find(({ msg_type }) => msg_type === FINISHED)?.serialize();
  }

  /** Says close_notify where there is somebody to say it to. Idempotent. */
  close(): void {
    if (this.#state === 'connected') this.#sendRecord(ALERT, Uint8Array.of(1, CLOSE_NOTIFY));
    this.#end(() => {});
  }

  #finish(): void {
    if (this.#state !== 'handshake') return;
    try {
      const { role, remoteFingerprints } = this.#options;
      this.#certificate = verifyHandshake(this.#socket, role, this.#peerFinished, remoteFingerprints);
      const keys = this.#exportKeys();
      this.#timer.end();
      this.#state = 'connected';
      this.#handler.connected(keys);
    } catch (error) {
      // Tells the peer, who believes to be connected.
      this.#sendRecord(ALERT, Uint8Array.of(FATAL, BAD_CERTIFICATE));
      this.#fail(error as Error);
      return;
    }
    const early = this.#early;
    this.#early = [];
    for (const record of early) this.#receiveRecord(record);
  }

  #exportKeys(): SrtpKeys {
    const id = this.#socket.srtp.srtpProfile as number | undefined;
    const profile = (Object.keys(PROFILE_IDS) as SrtpProfile[]).find((name) => PROFILE_IDS[name] === id);
    if (!profile) throw new Error('the peer shares no SRTP protection profile with us');
    const { key, salt } = PROFILE_SIZES[profile];
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    const material = this.#socket.exportKeyingMaterial('EXTRACTOR-dtls_srtp', 2 * (key + salt));
    const client = { key: material.subarray(0, key), salt: material.subarray(2 * key, 2 * key + salt) };
    const server = { key: material.subarray(key, 2 * key), salt: material.subarray(2 * key + salt) };
    const [local, remote] = this.#options.role === 'client' ? [client, server] : [server, client];
    return { profile, localKey: local.key, localSalt: local.salt, remoteKey: remote.key, remoteSalt: remote.salt };
  }

  #handshakeError(error: unknown): void {
    if (this.#state !== 'handshake') return;
    const message = error instanceof Error ? error.message : String(error);
    // Only what no other datagram can mend ends the handshake; the rest may be a damaged or forged message.
    if (/negotiation failed|invalid signatureHash/.test(message)) this.#fail(new Error(message, { cause: error }));
    else this.#options.logger.debug({ error: message }, 'a DTLS handshake message was ignored');
  }

  #fail(reason: Error): void {
    this.#end(() => this.#handler.failed(reason));
  }

  #end(tell: () => void): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer.end();
    this.#early = [];
    this.#held = [];
    tell();
  }

  async #waitFor(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#timer.ended) throw new Error('the handshake has ended');
      await this.#timer.wait(10);
    }
  }
}

/** A whole handshake message as one record; its number does not matter inside. */
function plainRecord(message: Buffer): Buffer {
  const record = Buffer.alloc(RECORD_HEADER + message.length);
  record.writeUInt8(HANDSHAKE, 0);
  record.writeUInt16BE(DTLS_1_2, 1);
  record.writeUInt16BE(message.length, 11);
  message.copy(record, RECORD_HEADER);
  return record;
}
