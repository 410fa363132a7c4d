/** Headers and TLS of the connection to a signalling server, checked when the signaller is made (reference §4.5). */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import * as tls from 'node:tls';
import { TsWebRTCError } from '../../common/errors.ts';

/** Checks HTTP headers. Throws `INVALID_OPTION` naming the header, never its value: that may be a token. */
export function checkHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    try {
      if (!['string', 'number', 'boolean'].includes(typeof value)) throw new TypeError('The value is no text.');
      checked[name] = String(value);
      validateHeaderName(name);
      validateHeaderValue(name, checked[name]);
    } catch {
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `The HTTP header ${JSON.stringify(name)} of the signaller has a name or value that HTTP does not allow: correct it.`,
      );
    }
  }
  return checked;
}

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

function readRoots(file: string): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (cause) {
    throw new TsWebRTCError(
      'CERTIFICATE_UNREADABLE',
      `The certificate file ${file} cannot be read: check its name and permissions.`,
      { cause },
    );
  }
  return checkRoots(pem, `The certificate file ${file}`) as Buffer;
}

function checkRoots(pem: string | Buffer, name: string): string | Buffer {
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new TsWebRTCError('CERTIFICATE_UNREADABLE', `${name} holds no certificate in PEM form.`, { cause });
  }
}
