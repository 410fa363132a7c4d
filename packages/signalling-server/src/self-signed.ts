/**
 * A certificate that this machine gives itself: browsers hand out cameras on https only, and ask once whether it is trusted. It is
 * kept, so that they ask once and not at every start.
 */
import { webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { SignallingServerError } from './errors.ts';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** ms. Browsers refuse what is valid for more than 398 days. */
const VALIDITY = 365 * 86_400_000;
const RENEWAL = 7 * 86_400_000;

/**
 * The files of a certificate for this machine's names and addresses, made or, where they changed or time is up, made anew.
 * Rejects with `CERTIFICATE_UNREADABLE` where they cannot be kept.
 */
export async function selfSignedCertificate(directory = cacheDirectory(), now = Date.now()): Promise<CertificateFiles> {
  const files = { cert: path.join(directory, 'self-signed.crt'), key: path.join(directory, 'self-signed.key') };
  const names = ['localhost', os.hostname()];
  const addresses = Object.values(os.networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith('fe80:'));
  if (await isFit(files, [...names, ...addresses], now)) return files;
  const { certificate, key } = await make(names, addresses, now);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(files.key, key, { mode: 0o600 });
    await chmod(files.key, 0o600);
    await writeFile(files.cert, certificate);
  } catch (cause) {
    const message = `The self-signed certificate cannot be kept in ${directory}: check its permissions.`;
    throw new SignallingServerError('CERTIFICATE_UNREADABLE', message, { cause });
  }
  return files;
}

function cacheDirectory(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'tswebrtc');
}

/** Whether the certificate there is valid, and for all of that. */
async function isFit({ cert, key }: CertificateFiles, hosts: readonly string[], now: number): Promise<boolean> {
  try {
    await readFile(key);
    const certificate = new X509Certificate(await readFile(cert));
    const covers = (host: string): boolean =>
      (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
    return hosts.every(covers) && Date.parse(certificate.validTo) - now > RENEWAL;
  } catch {
    return false;
  }
}

async function make(
  names: readonly string[],
  addresses: readonly string[],
  now: number,
): Promise<{ certificate: string; key: string }> {
  // Large, and seldom wanted.
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=tswebrtc self-signed',
      notBefore: new Date(now - 86_400_000),
      notAfter: new Date(now + VALIDITY),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...names.map((value) => ({ type: 'dns' as const, value })),
          ...addresses.map((value) => ({ type: 'ip' as const, value })),
        ]),
      ],
    },
    webcrypto as never,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n`;
  return { certificate: certificate.toString('pem'), key };
}
