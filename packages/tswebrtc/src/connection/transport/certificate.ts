/** The self-signed certificate (ECDSA P-256) by which all connections of this process identify themselves (RFC 8827 §6.5). */
import { RTCDtlsTransport } from 'werift';
import type { Fingerprint } from './types.ts';

export interface LocalCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly signatureHash: NonNullable<Awaited<ReturnType<typeof RTCDtlsTransport.SetupCertificate>>['signatureHash']>;
  readonly fingerprint: Fingerprint;
}

let shared: Promise<LocalCertificate> | undefined;

/** Made at the first call; making one takes some milliseconds, which no later connection waits for. */
export function localCertificate(): Promise<LocalCertificate> {
  shared ??= RTCDtlsTransport.SetupCertificate().then((certificate) => {
    const [fingerprint] = certificate.getFingerprints();
    return {
      certPem: certificate.certPem,
      keyPem: certificate.privateKey,
      signatureHash: certificate.signatureHash,
      fingerprint: { algorithm: fingerprint!.algorithm, value: fingerprint!.value.toUpperCase() },
    };
  });
  return shared;
}
