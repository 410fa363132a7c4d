/** Text of the data channels to messages. Nothing a peer can send makes these functions throw. */
import type * as z from 'zod/mini';
import type { ParseResult } from '../parse.ts';
import {
  type ControlId,
  type ControlProducerMessage,
  type ControlRequestMessage,
  controlRequestSchema,
  controlResponseSchema,
  infoSchema,
  type NavigationMessage,
} from './messages.ts';
import { navigationEventSchema } from './navigation.ts';
import { structureFault } from './structure.ts';

/** A refused request that has an id can be answered. */
export type ControlParseResult =
  | { readonly ok: true; readonly message: ControlRequestMessage }
  | { readonly ok: false; readonly reason: string; readonly id: ControlId | undefined };

const MAX_ID = (1n << 64n) - 1n;

/** Reads what a consumer sent on `control`; `request` may also be text that holds the request. */
export function parseControlRequest(text: string): ControlParseResult {
  const value = readObject(text);
  if (typeof value === 'string') return { ok: false, reason: value, id: undefined };
  const id = readId(value.id, text);
  const refuse = (reason: string): ControlParseResult => ({ ok: false, reason, id });
  if (id === undefined) return refuse('The "id" of the request is no whole number from 0 to 2^64 - 1.');
  const { mid = null } = value;
  if (typeof mid !== 'string' && mid !== null) return refuse('The "mid" of the request is neither text nor null.');
  const given = typeof value.request === 'string' ? readObject(value.request) : value.request;
  if (typeof given === 'string') return refuse(`The text in "request" is no request: ${given}`);
  const result = controlRequestSchema.safeParse(given);
  if (!result.success) return refuse(requestFault(given, result.error));
  return { ok: true, message: { id, mid, request: result.data } };
}

/** Reads what a consumer sent on `input`: a navigation event, with the `mid` among its fields. */
export function parseNavigation(text: string): ParseResult<NavigationMessage> {
  const value = readObject(text);
  if (typeof value === 'string') return { ok: false, reason: value };
  const { mid = null, ...fields } = value;
  if (typeof mid !== 'string' && mid !== null) return { ok: false, reason: 'The "mid" of the event is neither text nor null.' };
  const result = navigationEventSchema.safeParse(fields);
  if (!result.success) return { ok: false, reason: eventFault(fields, result.error) };
  return { ok: true, message: { mid, event: result.data } };
}

/** Reads what a producer sent on `control`; undefined for a message of a kind that is not known, which is to be ignored. */
export function parseControlProducerMessage(text: string): ParseResult<ControlProducerMessage | undefined> {
  const value = readObject(text);
  if (typeof value === 'string') return { ok: false, reason: value };
  const schemas = { ControlResponseMessage: controlResponseSchema, InfoMessage: infoSchema } as const;
  const { type } = value;
  if (type !== 'ControlResponseMessage' && type !== 'InfoMessage') return { ok: true, message: undefined };
  const result = schemas[type].safeParse(value);
  if (!result.success) return { ok: false, reason: `The "${type}" has no valid ${faultyKey(result.error)}.` };
  return { ok: true, message: result.data };
}

function readObject(text: string): Record<string, unknown> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'The text is not valid JSON.';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'The message is not a JSON object.';
  return value as Record<string, unknown>;
}

/** Ids beyond 2^53 are read from the text, or they would come back as others. */
function readId(id: unknown, text: string): ControlId | undefined {
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) return undefined;
  if (Number.isSafeInteger(id)) return id;
  const digits = idSource(text) ?? '';
  if (!/^\d+$/.test(digits)) return undefined;
  const exact = BigInt(digits);
  return exact <= MAX_ID ? exact : undefined;
}

/** How the last `id` at the top level of `text`, which is valid JSON, is written there. */
function idSource(text: string): string | undefined {
  let depth = 0;
  let key: unknown;
  let source: string | undefined;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]|[^\s,:{}[\]"]+/g)) {
    if (token.endsWith(':')) key = depth === 1 ? JSON.parse(token.slice(0, -1)) : undefined;
    else if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && key === 'id') source = token;
  }
  return source;
}

function requestFault(request: unknown, error: z.core.$ZodError): string {
  const { type, event, structureName, structure } = (request ?? {}) as Record<string, unknown>;
  if (type === 'navigationEvent') return eventFault(event, error);
  if (type !== 'customUpstreamEvent') return 'The "request" has no "type" that is navigationEvent or customUpstreamEvent.';
  if (typeof structureName !== 'string') return 'The "structureName" of the request is no text.';
  return `The structure ${structureFault(structure)}.`;
}

function eventFault(event: unknown, error: z.core.$ZodError): string {
  const name = (event as { event?: unknown } | undefined)?.event;
  const faulty = error.issues[0]?.path.at(-1);
  if (typeof name !== 'string' || faulty === undefined || faulty === 'event') return 'The "event" is no navigation event.';
  return `The navigation event has no valid "${String(faulty)}".`;
}

function faultyKey(error: z.core.$ZodError): string {
  const path = error.issues[0]?.path.map(String).join('.');
  return path ? `"${path}"` : 'shape';
}
