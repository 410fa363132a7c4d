/** What producers and consumers have in common of the default signaller: how it reaches its server (reference §4.5). */
import type { Signaller } from '../signalling/signaller.ts';
import { type OutputOf, property, type Schema } from './property-schema.ts';
import { boolean, nullable, structure, text } from './property-types.ts';

export const linkProperties = {
  headers: property({
    type: nullable(structure()),
    default: null,
    when: 'ready',
    doc: 'HTTP headers to send to the signalling server.',
  }),
  cafile: property({
    type: nullable(text('file')),
    default: null,
    when: 'ready',
    doc: 'PEM file of further certificate authorities to trust on wss.',
  }),
  insecureTls: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Do not verify the certificate of the signalling server.',
  }),
  // Ours: the original's server has none to give.
  requestIceServers: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Ask the signalling server for STUN and TURN servers, to be used besides those that are named here.',
  }),
} satisfies Schema;

/** The same as options of the signaller. */
export function linkOptions({ headers, cafile, insecureTls, requestIceServers }: OutputOf<typeof linkProperties>) {
  return { ...(headers ? { headers } : {}), ...(cafile ? { cafile } : {}), insecureTls, requestIceServers };
}

/** Whether `value` is a signaller itself and not options of the default one. */
export function isSignaller(value: object): value is Signaller {
  return typeof (value as Partial<Signaller>).sendSdp === 'function';
}
