/**
 * Bearer tokens (RFC 6750): JSON Web Tokens that say in one claim what their bearer may do. They are checked once, when a peer
 * connects; one that expires later ends no connection.
 *
 * The claim: `"signalling": { "produce": true, "consume": true, "listen": true, "namespace": "site-1", "name": "camera-7" }`,
 * where everything that is left out is not allowed, and without a namespace the peer is in the common one.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod/mini';
import { SignallingServerError } from './errors.ts';
import type { Grants } from './grants.ts';

export interface TokenOptions {
  /** The secret of tokens that are signed with HS256; 32 bytes at least (RFC 7518 §3.2). */
  readonly secret?: string;
  /** Where the public keys of asymmetrically signed tokens are: an http(s) URL or a file of a JSON Web Key Set (RFC 7517). */
  readonly jwks?: string;
  /** What `iss` has to be; anything by default. */
  readonly issuer?: string;
  /** What has to be in `aud`; anything by default. */
  readonly audience?: string;
}

/** Why somebody is not let in: an HTTP status and a sentence. */
export interface TokenRefusal {
  readonly status: 401 | 403 | 503;
  readonly details: string;
}

const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** Clocks of other machines may be wrong by this much, s. */
const CLOCK_TOLERANCE = 5;
const LEAST_SECRET = 32;

const claimSchema = z.object({
  produce: z._default(z.boolean(), false),
  consume: z._default(z.boolean(), false),
  listen: z._default(z.boolean(), false),
  namespace: z._default(z.string().check(z.maxLength(200)), ''),
  name: z.optional(z.string().check(z.maxLength(200))),
});

export class AccessTokens {
  readonly #key: Uint8Array | JWTVerifyGetKey;
  readonly #algorithms: string[];
  readonly #expected: { issuer?: string; audience?: string };

  private constructor(key: Uint8Array | JWTVerifyGetKey, algorithms: string[], { issuer, audience }: TokenOptions) {
    this.#key = key;
    this.#algorithms = algorithms;
    this.#expected = { ...(issuer === undefined ? {} : { issuer }), ...(audience === undefined ? {} : { audience }) };
  }

  /** Rejects with `INVALID_OPTION` where the options make no sense, and `KEYS_UNREADABLE` where the file is none of keys. */
  static async load(options: TokenOptions): Promise<AccessTokens> {
    const { secret, jwks } = options;
    if ((secret === undefined) === (jwks === undefined))
      throw invalid('Tokens are signed with a secret or with the keys of a key set: give one of the two.');
    if (secret !== undefined) {
      const bytes = new TextEncoder().encode(secret);
      if (bytes.length < LEAST_SECRET)
        throw invalid(`The secret of the tokens has ${bytes.length} bytes, but HS256 needs ${LEAST_SECRET} at least.`);
      return new AccessTokens(bytes, ['HS256'], options);
    }
    return new AccessTokens(await loadKeys(jwks!), ASYMMETRIC, options);
  }

  /** What the bearer of `token` may do, or why it is not let in. Never rejects. */
  async check(token: string | undefined): Promise<Grants | TokenRefusal> {
    if (token === undefined)
      return refuse(401, 'This server asks for a token: send "Authorization: Bearer …", or "?access_token=…" from a browser.');
    let claim: unknown;
    try {
      const options = { ...this.#expected, algorithms: this.#algorithms, clockTolerance: CLOCK_TOLERANCE };
      const key = this.#key;
      const { payload } = await (typeof key === 'function' ? jwtVerify(token, key, options) : jwtVerify(token, key, options));
      claim = payload.signalling;
    } catch (error) {
      return explain(error);
    }
    if (claim === undefined) return refuse(403, 'The token has no "signalling" claim, so it allows nothing here.');
    const result = claimSchema.safeParse(claim);
    if (!result.success)
      return refuse(403, `The "signalling" claim of the token has no valid "${result.error.issues[0]?.path.join('.')}".`);
    const { name, ...grants } = result.data;
    return name === undefined ? grants : { ...grants, name };
  }
}

/** The token of a request: from its `Authorization`, or from its query, as browsers cannot set headers for a WebSocket. */
export function bearerToken({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): string | undefined {
  const fromHeader = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (fromHeader !== undefined) return fromHeader;
  const query = url.indexOf('?');
  return query < 0 ? undefined : (new URLSearchParams(url.slice(query + 1)).get('access_token') ?? undefined);
}

async function loadKeys(where: string): Promise<JWTVerifyGetKey> {
  // Fetched when the first token comes, kept, and fetched again when a token names a key that is not among them.
  if (/^https?:\/\//.test(where)) return createRemoteJWKSet(new URL(where));
  try {
    return createLocalJWKSet(JSON.parse(await readFile(where, 'utf8')) as JSONWebKeySet);
  } catch (cause) {
    throw new SignallingServerError('KEYS_UNREADABLE', `The file ${where} cannot be read as a JSON Web Key Set: check it.`, {
      cause,
    });
  }
}

function explain(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTExpired) return refuse(401, 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return refuse(401, `The "${error.claim}" of the token is not accepted here.`);
  if (error instanceof errors.JWKSNoMatchingKey) return refuse(401, 'The token is signed with a key that is not known here.');
  if (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === 'ERR_JOSE_GENERIC')
  )
    return refuse(401, 'The token is not valid.');
  return refuse(503, 'The keys by which tokens are checked cannot be had at present.');
}

function refuse(status: TokenRefusal['status'], details: string): TokenRefusal {
  return { status, details };
}

function invalid(message: string): SignallingServerError {
  return new SignallingServerError('INVALID_OPTION', message);
}
