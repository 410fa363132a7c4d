/** What a description of the peer must have beyond its grammar before a connection can be built on it. */
import { TsWebRTCError } from '../common/errors.ts';
import { isUsable } from './answer.ts';
import type { SessionDescription } from './description.ts';

/** RFC 3264 §6: an answer has an m-line for each of the offer's, in the same order and of the same kind. */
export function assertSameShape(offer: SessionDescription, answer: SessionDescription): void {
  if (answer.media.length !== offer.media.length) {
    throw new TsWebRTCError(
      'INVALID_SDP',
      `The answer has ${answer.media.length} m-lines where the offer has ${offer.media.length}: it must have as many.`,
    );
  }
  for (const [index, { kind, mid }] of answer.media.entries()) {
    const offered = offer.media[index]!;
    if (kind !== offered.kind) {
      throw new TsWebRTCError('INVALID_SDP', `The answer's m-line ${index} is ${kind} where the offer has ${offered.kind}.`);
    }
    if (mid !== undefined && offered.mid !== undefined && mid !== offered.mid) {
      throw new TsWebRTCError('INVALID_SDP', `The answer's m-line ${index} has another mid than the offer's.`);
    }
  }
}

/** What ICE and DTLS need of the peer: credentials and a fingerprint (RFC 8839 §5.4, RFC 8122 §5). */
export function assertConnectable(session: SessionDescription, what: 'offer' | 'answer'): void {
  const media = session.media.find(isUsable);
  if (!media) return;
  if (media.usernameFragment === undefined || media.password === undefined) {
    throw new TsWebRTCError('INVALID_SDP', `The ${what} carries no usable ICE credentials (a=ice-ufrag, a=ice-pwd).`);
  }
  if (media.fingerprints.length === 0) {
    throw new TsWebRTCError('INVALID_SDP', `The ${what} carries no DTLS fingerprint (a=fingerprint).`);
  }
}
