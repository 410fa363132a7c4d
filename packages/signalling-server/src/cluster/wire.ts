/**
 * What servers of a cluster say to each other, as JSON on two kinds of channels of the broker:
 *
 * - `<prefix>:all`: small announcements of all to all, by which servers find each other, and goodbyes;
 * - `<prefix>:to:<serverId>`: the frames of the links to that server.
 *
 * Whatever else is published there is garbage and read as nothing.
 */
import * as z from 'zod/mini';
import { MAX_BODY_LENGTH } from './outgoing-stream.ts';

const serverIdSchema = z.string().check(z.minLength(1), z.maxLength(64));
const numberSchema = z.int().check(z.minimum(0));

/** "I am here", every heartbeat; or, with `goodbye`, "I leave". */
const announcementSchema = z.object({ from: serverIdSchema, goodbye: z.optional(z.literal(true)) });
export type Announcement = z.infer<typeof announcementSchema>;

const frameSchema = z.object({
  from: serverIdSchema,
  /** The sender's incarnation of the link. */
  own: numberSchema,
  /** The receiver's incarnation, as far as the sender knows; 0 for unknown. */
  other: numberSchema,
  /** The number of the first body; without bodies, of the one that is sent next. */
  sequence: numberSchema,
  /** All of the receiver's bodies below this number have arrived. */
  acknowledged: numberSchema,
  /** Asks to send again from `acknowledged` on. */
  again: z.optional(z.boolean()),
  bodies: z.array(z.unknown()),
});
export type Frame = Omit<z.infer<typeof frameSchema>, 'from'>;

/** A frame that goes out: its bodies are JSON already, since one of them may go to many servers. */
export type OutgoingFrame = Omit<Frame, 'bodies'> & { readonly bodies: readonly string[] };

/** A frame as it has come in. */
export type IncomingFrame = Frame & {
  readonly from: string;
  /** Characters of the whole frame. */
  readonly length: number;
};

export function encodeAnnouncement(announcement: Announcement): string {
  return JSON.stringify(announcement);
}

/** Undefined for whatever is no announcement. */
export function parseAnnouncement(payload: string): Announcement | undefined {
  return announcementSchema.safeParse(parseJson(payload)).data;
}

export function encodeFrame(from: string, { bodies, ...header }: OutgoingFrame): string {
  return `${JSON.stringify({ from, ...header }).slice(0, -1)},"bodies":[${bodies.join()}]}`;
}

/** Undefined for whatever is no frame. */
export function parseFrame(payload: string): IncomingFrame | undefined {
  const frame = frameSchema.safeParse(parseJson(payload)).data;
  return frame && { ...frame, length: payload.length };
}

/** @throws TypeError, RangeError where a body is no JSON or longer than a link takes. */
export function encodeBody(body: unknown): string {
  const text: string | undefined = JSON.stringify(body);
  if (text === undefined) throw new TypeError('A message to another server has to be a JSON value.');
  if (text.length > MAX_BODY_LENGTH)
    throw new RangeError(
      `A message to another server has ${text.length} characters, and at most ${MAX_BODY_LENGTH} can be sent.`,
    );
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
