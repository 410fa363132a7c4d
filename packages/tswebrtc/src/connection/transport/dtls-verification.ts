/**
 * What makes a DTLS handshake an authenticated one. werift takes the peer's certificate and key share as they come; the
 * signatures over them (RFC 5246 §7.4.3, §7.4.8 with RFC 8422) and the hash over the whole handshake (§7.4.9) are checked
 * here, from its record of the handshake, as is the certificate against the fingerprints of the description (RFC 8122).
 */
import { createHash, createHmac, createPublicKey, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import type { DtlsSocket } from 'werift';
import type { Fingerprint } from './types.ts';

const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;
const FINISHED = 20;

/** Strongest first. MD5 and SHA-1 do not identify a certificate any more. */
const FINGERPRINT_ALGORITHMS = ['sha-512', 'sha-384', 'sha-256', 'sha-224'];

interface HandshakeMessage {
  readonly type: number;
  /** RFC 6347 §4.2.4: 4 is the server's certificate and key share, 5 the client's. */
  readonly flight: number;
  readonly body: Buffer;
  serialize(): Buffer;
}

/** DER of the peer's certificate as it stands in the handshake. Throws, with a reason, when anything is not as it must be. */
export function verifyHandshake(
  socket: DtlsSocket,
  role: 'client' | 'server',
  peerFinished: Buffer | undefined,
  fingerprints: readonly Fingerprint[],
): Buffer {
  const messages = transcript(socket);
  const flight = role === 'client' ? 4 : 5;
  const certificate = peerCertificate(find(messages, flight, CERTIFICATE, 'Certificate'));
  verifyFingerprint(certificate, fingerprints);
  if (role === 'client')
    verifyServerKeyExchange(socket, certificate, find(messages, flight, SERVER_KEY_EXCHANGE, 'ServerKeyExchange'));
  else verifyCertificateVerify(socket, certificate, messages);
  verifyFinished(socket, role, messages, peerFinished);
  return certificate;
}

/** All handshake messages in the order in which both sides hash them. */
function transcript(socket: DtlsSocket): HandshakeMessage[] {
  return Object.entries(socket.dtls.handshakeCache)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([flight, { data }]) =>
      [...data]
        .sort((a, b) => a.message_seq - b.message_seq)
        .map((message) => ({
          type: message.msg_type,
          flight: Number(flight),
          body: message.fragment,
          serialize: () => message.serialize(),
        })),
    );
}

function find(messages: readonly HandshakeMessage[], flight: number, type: number, name: string): Buffer {
  const message = messages.find((candidate) => candidate.type === type && candidate.flight === flight);
  if (!message) throw new Error(`the peer sent no ${name}`);
  return message.body;
}

function peerCertificate(body: Buffer): Buffer {
  const length = body.length >= 6 ? body.readUIntBE(3, 3) : 0;
  if (length === 0 || 6 + length > body.length) throw new Error('the peer sent an empty certificate list');
  return body.subarray(6, 6 + length);
}

function verifyFingerprint(certificate: Buffer, fingerprints: readonly Fingerprint[]): void {
  for (const algorithm of FINGERPRINT_ALGORITHMS) {
    const expected = fingerprints.filter((fingerprint) => fingerprint.algorithm.toLowerCase() === algorithm);
    if (expected.length === 0) continue;
    const actual = createHash(algorithm.replace('-', '')).update(certificate).digest('hex');
    if (expected.some(({ value }) => value.replaceAll(':', '').toLowerCase() === actual)) return;
    throw new Error('the certificate does not match the fingerprint in the description');
  }
  throw new Error('the description has no fingerprint of a supported algorithm');
}

function verifySignature(certificate: Buffer, scheme: number, data: Buffer, signature: Buffer): void {
  const key = new X509Certificate(certificate).publicKey;
  // TLS 1.2 SignatureAndHashAlgorithm: hash in the high byte, 1 = RSA and 3 = ECDSA in the low one.
  const hash = ({ 4: 'sha256', 5: 'sha384', 6: 'sha512' } as Record<number, string>)[scheme >> 8];
  const type = ({ 1: 'rsa', 3: 'ec' } as Record<number, string>)[scheme & 0xff];
  if (!hash || key.asymmetricKeyType !== type)
    throw new Error(`the peer signed with the unsupported scheme 0x${scheme.toString(16)}`);
  if (!verify(hash, data, createPublicKey(key.export({ type: 'spki', format: 'pem' })), signature)) {
    throw new Error('the peer does not hold the key of its certificate');
  }
}

function verifyServerKeyExchange(socket: DtlsSocket, certificate: Buffer, body: Buffer): void {
  const keyLength = body.readUInt8(3);
  const end = 4 + keyLength;
  const publicKey = body.subarray(4, end);
  const scheme = body.readUInt16BE(end);
  const signature = body.subarray(end + 4, end + 4 + body.readUInt16BE(end + 2));
  const { cipher } = socket;
  // A second, unsigned key exchange must not have taken the place of the signed one.
  if (!cipher.remoteKeyPair.publicKey?.equals(publicKey)) throw new Error('the key in use is not the key that was signed');
  const randoms = [Buffer.from(cipher.localRandom.serialize()), Buffer.from(cipher.remoteRandom.serialize())];
  verifySignature(certificate, scheme, Buffer.concat([...randoms, body.subarray(0, end)]), signature);
}

function verifyCertificateVerify(socket: DtlsSocket, certificate: Buffer, messages: readonly HandshakeMessage[]): void {
  const at = messages.findIndex(({ type, flight }) => type === CERTIFICATE_VERIFY && flight === 5);
  if (at < 0) throw new Error('the peer did not prove that it holds the key of its certificate');
  const body = messages[at]!.body;
  const keyExchange = find(messages.slice(0, at), 5, CLIENT_KEY_EXCHANGE, 'ClientKeyExchange');
  if (!socket.cipher.remoteKeyPair.publicKey?.equals(keyExchange.subarray(1))) {
    throw new Error('the key in use is not the key that was signed');
  }
  const signed = Buffer.concat(messages.slice(0, at).map((message) => message.serialize()));
  verifySignature(certificate, body.readUInt16BE(0), signed, body.subarray(4, 4 + body.readUInt16BE(2)));
}

function verifyFinished(
  socket: DtlsSocket,
  role: 'client' | 'server',
  messages: readonly HandshakeMessage[],
  peerFinished: Buffer | undefined,
): void {
  if (!peerFinished) throw new Error('the peer sent no Finished');
  // The server's Finished covers the client's; the client's covers everything before itself.
  const covered = role === 'client' ? messages : messages.filter(({ type }) => type !== FINISHED);
  const hash = createHash('sha256');
  for (const message of covered) hash.update(message.serialize());
  const label = role === 'client' ? 'server finished' : 'client finished';
  const expected = prf(socket.cipher.masterSecret, Buffer.concat([Buffer.from(label), hash.digest()]), 12);
  if (peerFinished.length !== 12 || !timingSafeEqual(expected, peerFinished)) {
    throw new Error('somebody changed the handshake on its way');
  }
}

/** RFC 5246 §5, with SHA-256. */
function prf(secret: Buffer, seed: Buffer, length: number): Buffer {
  const parts: Buffer[] = [];
  let a = seed;
  for (let n = 0; n < length; n += 32) {
    a = createHmac('sha256', secret).update(a).digest();
    parts.push(createHmac('sha256', secret).update(a).update(seed).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}
