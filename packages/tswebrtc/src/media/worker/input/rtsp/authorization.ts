/** Answers a server that asks who we are: Basic and Digest (RFC 2617, as RTSP 1.0 uses them; RFC 7616 for SHA-256). */
import { createHash, randomBytes } from 'node:crypto';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export class Authorizer {
  readonly #credentials: Credentials;
  readonly #challenge: Readonly<Record<string, string>>;
  readonly #scheme: 'basic' | 'digest';
  #count = 0;

  private constructor(credentials: Credentials, scheme: 'basic' | 'digest', challenge: Readonly<Record<string, string>>) {
    this.#credentials = credentials;
    this.#scheme = scheme;
    this.#challenge = challenge;
  }

  /** From the `WWW-Authenticate` of a 401; undefined where it asks for what we do not know. The strongest that it offers. */
  static from(header: string, credentials: Credentials): Authorizer | undefined {
    const offers = header.split('\n').map((line) => {
      const [, scheme = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(line) ?? [];
      const fields = [...rest.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))/g)];
      const parameters = Object.fromEntries(fields.map(([, name, quoted, bare]) => [name!.toLowerCase(), quoted ?? bare ?? '']));
      return { scheme: scheme.toLowerCase(), parameters };
    });
    const digests = offers.filter(({ scheme, parameters }) => scheme === 'digest' && hashOf(parameters.algorithm));
    const digest = digests.find(({ parameters }) => hashOf(parameters.algorithm) === 'sha256') ?? digests[0];
    if (digest) return new Authorizer(credentials, 'digest', digest.parameters);
    return offers.some(({ scheme }) => scheme === 'basic') ? new Authorizer(credentials, 'basic', {}) : undefined;
  }

  /** The `Authorization` of a request. */
  header(method: string, uri: string): string {
    const { username, password } = this.#credentials;
    if (this.#scheme === 'basic') return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const { realm = '', nonce = '', qop, opaque, algorithm } = this.#challenge;
    const hash = (text: string): string => createHash(hashOf(algorithm)!).update(text).digest('hex');
    const secret = hash(`${username}:${realm}:${password}`);
    const request = hash(`${method}:${uri}`);
    const fields = [`username="${username}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${uri}"`];
    if (qop?.split(',').some((each) => each.trim() === 'auth')) {
      const count = (++this.#count).toString(16).padStart(8, '0');
      const own = randomBytes(8).toString('hex');
      fields.push('qop=auth', `nc=${count}`, `cnonce="${own}"`);
      fields.push(`response="${hash(`${secret}:${nonce}:${count}:${own}:auth:${request}`)}"`);
    } else fields.push(`response="${hash(`${secret}:${nonce}:${request}`)}"`);
    if (algorithm !== undefined) fields.push(`algorithm=${algorithm}`);
    if (opaque !== undefined) fields.push(`opaque="${opaque}"`);
    return `Digest ${fields.join(', ')}`;
  }
}

function hashOf(algorithm = 'MD5'): 'md5' | 'sha256' | undefined {
  return ({ MD5: 'md5', 'SHA-256': 'sha256' } as const)[algorithm.toUpperCase()];
}
