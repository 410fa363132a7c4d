import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selfSignedCertificate } from './self-signed.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-certificate-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('a self-signed certificate', () => {
  it('is for the names and addresses of this machine, a server can use it, and its key is for nobody else', async () => {
    const files = await selfSignedCertificate(path.join(directory, 'new'));
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
    createSecureContext({ cert, key });
    const certificate = new X509Certificate(cert);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('example.org')).toBeUndefined();
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBeLessThan(398 * 86_400_000);
    expect((await stat(files.key)).mode & 0o777).toBe(0o600);
  });

  it('is kept, and made anew when its time is up or it was damaged', async () => {
    const kept = path.join(directory, 'kept');
    const { cert } = await selfSignedCertificate(kept);
    const first = await readFile(cert, 'utf8');
    await selfSignedCertificate(kept);
    expect(await readFile(cert, 'utf8')).toBe(first);
    await selfSignedCertificate(kept, Date.now() + 360 * 86_400_000);
    const second = await readFile(cert, 'utf8');
    expect(second).not.toBe(first);
    await writeFile(cert, 'nonsense');
    await selfSignedCertificate(kept);
    expect(new X509Certificate(await readFile(cert)).checkHost('localhost')).toBe('localhost');
  });

  it('says where it cannot be kept', async () => {
    await writeFile(path.join(directory, 'file'), '');
    await expect(selfSignedCertificate(path.join(directory, 'file', 'x'))).rejects.toMatchObject({
      code: 'CERTIFICATE_UNREADABLE',
    });
  });
});
