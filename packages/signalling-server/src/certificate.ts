/**
 * Reads the certificate and key of the server and fails closed: a server that was asked for TLS and cannot give it does not
 * start, where the reference serves plain text (reference §1.8).
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { SignallingServerError } from './errors.ts';

export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Loads a certificate chain and its private key, both PEM files; undefined when neither is given.
 * Throws `CERTIFICATE_UNREADABLE` naming the file.
 */
export async function loadCertificate(certFile?: string, keyFile?: string): Promise<TlsMaterial | undefined> {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (keyFile === undefined)
    throw unreadable(`The certificate file ${certFile} was given without a key: give the file of its private key too.`);
  if (certFile === undefined)
    throw unreadable(`The key file ${keyFile} was given without a certificate: give the file of its certificate chain too.`);
  const cert = await read(certFile, 'certificate');
  const key = await read(keyFile, 'key');
  verify(() => new X509Certificate(cert), `The certificate file ${certFile} holds no certificate in PEM form.`);
  verify(() => createPrivateKey(key), `The key file ${keyFile} holds no unencrypted private key in PEM form.`);
  verify(
    () => createSecureContext({ cert, key }),
    `The certificate file ${certFile} and the key file ${keyFile} cannot be used together: they have to be a pair.`,
  );
  return { cert, key };
}

async function read(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw unreadable(`The ${what} file ${file} cannot be read: check its name and permissions.`, cause);
  }
}

function verify(check: () => unknown, message: string): void {
  try {
    check();
  } catch (cause) {
    throw unreadable(message, cause);
  }
}

function unreadable(message: string, cause?: unknown): SignallingServerError {
  return new SignallingServerError('CERTIFICATE_UNREADABLE', message, { cause });
}
