/**
 * A self-signed certificate for localhost and 127.0.0.1 and its key, for tests only, written to files of their own. A fixed
 * pair, because Node cannot make certificates; it is valid for a hundred years.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUdsICL3aIZ+e2WJsziMbGRrAcNewwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzIwNDkxMFoYDzIxMjYxMDMw
MjA0OTEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQWr9SlJLqkfHsl/1chL4WorSupBHUnIqqomj50KOnTNKj9+5T2G0Ex
ZJVmf37WOrvagFN1OQPt/tr8rPhvxX25o28wbTAdBgNVHQ4EFgQUaMp7FFPo9j9Y
9ijUYXKdqlmgCu0wHwYDVR0jBBgwFoAUaMp7FFPo9j9Y9ijUYXKdqlmgCu0wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhALLfLMBOf3gZg7zII26L9wE2hr2rb21pexPbrhwCu+v/AiEA
nBHHP7WH4Yif6brCn6wux5QuydvKyQsZ/frEQKFqtz4=
-----END CERTIFICATE-----
`;

export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgk760gkXZeN6XqW65
t3bVK8UhtefgLnJIQZy3gW45qCKhRANCAAQWr9SlJLqkfHsl/1chL4WorSupBHUn
Iqqomj50KOnTNKj9+5T2G0ExZJVmf37WOrvagFN1OQPt/tr8rPhvxX25
-----END PRIVATE KEY-----
`;

/** Files of the certificate and its key, until `remove` is called. */
export async function testCertificateFiles(): Promise<{ cert: string; key: string; folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tswebrtc-certificate-'));
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  await writeFile(cert, TEST_CERTIFICATE);
  await writeFile(key, TEST_KEY, { mode: 0o600 });
  return { cert, key, folder, remove: () => rm(folder, { recursive: true }) };
}
