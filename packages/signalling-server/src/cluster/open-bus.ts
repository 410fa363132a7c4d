/**
 * The bus that a URL names. The client of a broker is loaded when it is asked for: most servers run alone.
 */
import { SignallingServerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ClusterBus } from './bus.ts';
import { NatsBus } from './nats-bus.ts';
import { RedisBus } from './redis-bus.ts';

/**
 * Connects to `redis://`, `rediss://` (TLS), `nats://` or `tls://` (NATS over TLS).
 * @throws SignallingServerError `INVALID_OPTION` for another URL, `CLUSTER_UNREACHABLE` when the broker cannot be reached.
 */
export async function openBus(url: string, logger: Logger): Promise<ClusterBus> {
  const address = addressOf(url);
  try {
    return await (address.startsWith('redis') ? RedisBus : NatsBus).open(url, logger);
  } catch (error) {
    // The error's own object stays out of it: clients attach to it what they had sent, a password perhaps.
    throw new SignallingServerError(
      'CLUSTER_UNREACHABLE',
      `The broker ${address} of the cluster cannot be reached (${(error as Error).message}): ` +
        'check that it runs, and that its address and the credentials are right.',
    );
  }
}

/** The URL without what is secret in it. */
function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['redis:', 'rediss:', 'nats:', 'tls:'].includes(parsed.protocol) || parsed.host === '')
    throw new SignallingServerError(
      'INVALID_OPTION',
      'The cluster needs the URL of a broker that starts with redis://, rediss://, nats:// or tls://.',
    );
  return `${parsed.protocol}//${parsed.host}`;
}
