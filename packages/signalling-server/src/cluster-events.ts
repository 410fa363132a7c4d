/**
 * What the hubs of a cluster tell each other. Each owns the peers that are connected to it: it alone decides about them and
 * says what has become of them. A session of two servers is known to both, and each tells its own party.
 *
 * Links between servers keep the order and lose nothing while they last (`cluster/`), so that what is told first is true first.
 */
import { peerIceSchema, peerRoleSchema, peerSdpSchema } from '@tswebrtc/protocol';
import * as z from 'zod/mini';

const statusSchema = z.object({
  peerId: z.string(),
  namespace: z.string(),
  roles: z.array(peerRoleSchema),
  meta: z._default(z.unknown(), null),
});
/** The status of a peer, as its own server has accepted it. */
export type PeerStatus = z.infer<typeof statusSchema>;

const event = <Kind extends string, Shape extends z.core.$ZodLooseShape>(kind: Kind, shape: Shape) =>
  z.object({ kind: z.literal(kind), ...shape });

export const clusterEventSchema = z.discriminatedUnion('kind', [
  /** Status of peers: all that there are when a link begins, then each that changes. */
  event('statuses', { peers: z.array(statusSchema) }),
  /** A peer has disconnected; `meta` is its last. */
  event('gone', { peerId: z.string(), namespace: z.string(), meta: z._default(z.unknown(), null) }),
  /** `starter`, of the sending server, wants a session with `target`, of the receiving one. */
  event('session-wanted', {
    sessionId: z.string(),
    namespace: z.string(),
    starter: z.string(),
    target: z.string(),
    /** Which of the two produces. */
    producer: z.enum(['starter', 'target']),
    offer: z.nullable(z.string()),
  }),
  /** The session has started; its target has been told. */
  event('session-started', { sessionId: z.string() }),
  /** There will be no session; `details` is for its starter. */
  event('session-refused', { sessionId: z.string(), details: z.string() }),
  event('session-ended', { sessionId: z.string(), error: z.nullable(z.string()) }),
  /** A description or candidate for the receiver's party of the session. */
  event('relay', { message: z.union([peerSdpSchema, peerIceSchema]) }),
]);
export type ClusterEvent = z.infer<typeof clusterEventSchema>;
export type ClusterEventOf<Kind extends ClusterEvent['kind']> = Extract<ClusterEvent, { kind: Kind }>;
