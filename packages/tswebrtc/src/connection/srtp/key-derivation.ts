/**
 * SRTP session keys from a master key (RFC 3711 §4.3, with the AES-CM pseudo-random function of §4.3.3; RFC 7714 §11 for
 * the AEAD profiles). The key derivation rate is always zero, as DTLS-SRTP demands (RFC 5764 §4.1.2).
 */
import { createCipheriv } from 'node:crypto';
import { TsWebRTCError } from '../../common/errors.ts';
import type { SrtpProfile } from '../types.ts';

/** Sizes of a protection profile, in bytes (RFC 5764 §4.1.2, RFC 7714 §12). */
export interface ProfileSizes {
  readonly key: number;
  readonly salt: number;
  readonly authKey: number;
  /** Authentication tag of RTP and of RTCP packets. */
  readonly tag: number;
}

export const PROFILE_SIZES: Readonly<Record<SrtpProfile, ProfileSizes>> = {
  AEAD_AES_128_GCM: { key: 16, salt: 12, authKey: 0, tag: 16 },
  AES128_CM_HMAC_SHA1_80: { key: 16, salt: 14, authKey: 20, tag: 10 },
};

/** Keys of one direction of RTP or of RTCP. */
export interface SessionKeys {
  readonly key: Buffer;
  readonly salt: Buffer;
  /** Empty for AEAD profiles. */
  readonly authKey: Buffer;
}

const RTP_LABELS = { key: 0, authKey: 1, salt: 2 };
const RTCP_LABELS = { key: 3, authKey: 4, salt: 5 };

/** Derives the session keys of one direction; throws `INVALID_OPTION` when a master key or salt has the wrong length. */
export function deriveSessionKeys(
  profile: SrtpProfile,
  masterKey: Uint8Array,
  masterSalt: Uint8Array,
): { rtp: SessionKeys; rtcp: SessionKeys } {
  const sizes = PROFILE_SIZES[profile];
  if (masterKey.length !== sizes.key || masterSalt.length !== sizes.salt) {
    throw new TsWebRTCError(
      'INVALID_OPTION',
      `${profile} takes a master key of ${sizes.key} bytes and a salt of ${sizes.salt}, not ${masterKey.length} and ${masterSalt.length}`,
    );
  }
  const keys = (labels: typeof RTP_LABELS): SessionKeys => ({
    key: derive(masterKey, masterSalt, labels.key, sizes.key),
    salt: derive(masterKey, masterSalt, labels.salt, sizes.salt),
    authKey: derive(masterKey, masterSalt, labels.authKey, sizes.authKey),
  });
  return { rtp: keys(RTP_LABELS), rtcp: keys(RTCP_LABELS) };
}

/** RFC 3711 §4.3.1: the salt is 112 bits; a 96-bit salt is padded on the right (RFC 7714 §11). */
function derive(masterKey: Uint8Array, masterSalt: Uint8Array, label: number, length: number): Buffer {
  if (length === 0) return Buffer.alloc(0);
  const iv = Buffer.alloc(16);
  iv.set(masterSalt);
  iv[7] = iv[7]! ^ label;
  return createCipheriv('aes-128-ctr', masterKey, iv).update(Buffer.alloc(length));
}
