/** What a peer may do: as its token says, or everything where the server asks for none. */
import type { PeerRole } from '@tswebrtc/protocol';

export interface Grants {
  /** May be a producer, and start sessions with passive consumers. */
  readonly produce: boolean;
  /** May start sessions with producers, and be a passive consumer. */
  readonly consume: boolean;
  /** May be a listener, who is told of every peer that comes, changes and goes. */
  readonly listen: boolean;
  /** Peers of different namespaces do not know of each other. */
  readonly namespace: string;
  /** The name by which the peer goes, in its meta, where that is not its own choice. */
  readonly name?: string;
}

/** Everything, in the one namespace of servers without tokens. */
export const unrestricted: Grants = { produce: true, consume: true, listen: true, namespace: '' };

const NEEDED: Readonly<Record<PeerRole, 'produce' | 'consume' | 'listen'>> = {
  producer: 'produce',
  consumer: 'consume',
  listener: 'listen',
};

/** The first of `roles` that `grants` do not allow; undefined when all are allowed. */
export function forbiddenRole(grants: Grants, roles: readonly PeerRole[]): PeerRole | undefined {
  return roles.find((role) => !grants[NEEDED[role]]);
}

/**
 * `meta` under the name that `grants` pin: it is put in where there is none, and undefined is returned where `meta` names
 * somebody else, or is something that can have no name.
 */
export function pinnedMeta({ name }: Grants, meta: unknown): { readonly meta: unknown } | undefined {
  if (name === undefined) return { meta };
  if (meta === null) return { meta: { name } };
  if (typeof meta !== 'object' || Array.isArray(meta)) return undefined;
  const own = (meta as { name?: unknown }).name;
  if (own === undefined) return { meta: { ...meta, name } };
  return own === name ? { meta } : undefined;
}
