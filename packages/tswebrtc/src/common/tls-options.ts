/** What TLS connections of ours are told (reference §4.5), checked before there is one. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { TsWebRTCError } from './errors.ts';

export interface TlsOptions {
  readonly cafile?: string;
  readonly ca?: string | Buffer;
  readonly insecureTls?: boolean;
}

/**
 * What Node's TLS is told. Certificates are verified against the well-known roots unless `insecureTls` says otherwise;
 * `cafile` and `ca` add to these roots. Throws `CERTIFICATE_UNREADABLE` naming the file.
 */
export function tlsConnectOptions(options: TlsOptions): tls.SecureContextOptions & { rejectUnauthorized: boolean } {
  const rejectUnauthorized = options.insecureTls !== true;
  const added: (string | Buffer)[] = [];
  if (options.cafile !== undefined) added.push(readRoots(options.cafile));
  if (options.ca !== undefined) added.push(checkRoots(options.ca, 'The option "ca"'));
  if (added.length === 0) return { rejectUnauthorized };
  return { rejectUnauthorized, ca: [...defaultRoots(), ...added] };
}

/** Naming roots replaces Node's own, so these have to be named too. */
function defaultRoots(): readonly (string | Buffer)[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  if (getCACertificates) return getCACertificates('default');
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  try {
    return extra ? [...tls.rootCertificates, readFileSync(extra)] : tls.rootCertificates;
  } catch {
    // Node itself only warns of this file.
    return tls.rootCertificates;
  }
}

/** The PEM text of a file of certificate authorities. Throws `CERTIFICATE_UNREADABLE` naming the file. */
export function readRoots(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new TsWebRTCError(
      'CERTIFICATE_UNREADABLE',
      `The certificate file ${file} cannot be read: check its name and permissions.`,
      { cause },
    );
  }
  return checkRoots(pem, `The certificate file ${file}`);
}

function checkRoots<Pem extends string | Buffer>(pem: Pem, name: string): Pem {
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new TsWebRTCError('CERTIFICATE_UNREADABLE', `${name} holds no certificate in PEM form.`, { cause });
  }
}
