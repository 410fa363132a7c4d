/**
 * The messages of the data channels `control` and `input` between a consumer and its producer (reference §2.14, §2.15): one JSON
 * object per text message. Unlike signalling messages they never meet a server.
 */
import * as z from 'zod/mini';
import { type NavigationEvent, navigationEventSchema } from './navigation.ts';
import { type ControlStructure, structureFault } from './structure.ts';

/** Label of the channel of requests, answers and info messages. */
export const CONTROL_CHANNEL_LABEL = 'control';
/** Label of the older channel, which carries navigation events alone and answers none. */
export const NAVIGATION_CHANNEL_LABEL = 'input';

export const controlRequestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('navigationEvent'), event: navigationEventSchema }),
  z.object({
    type: z.literal('customUpstreamEvent'),
    structureName: z.string(),
    structure: z.custom<ControlStructure>((value) => structureFault(value) === undefined),
  }),
]);
/** What a consumer wants of the producer. */
export type ControlRequest = z.infer<typeof controlRequestSchema>;

/** Chosen by the consumer: whole, from 0 to 2^64 − 1; a bigint where a number is not exact. */
export type ControlId = number | bigint;

export interface ControlRequestMessage {
  readonly id: ControlId;
  /** The stream that is meant, by its m-line; null means all. */
  readonly mid: string | null;
  readonly request: ControlRequest;
}

/** On the `input` channel. */
export interface NavigationMessage {
  /** Null means all video. */
  readonly mid: string | null;
  readonly event: NavigationEvent;
}

/** `error`: why nobody at the producer handled the request; null when somebody did. */
export const controlResponseSchema = z.object({
  type: z.literal('ControlResponseMessage'),
  id: z.number(),
  error: z._default(z.nullable(z.string()), null),
});
export type ControlResponseMessage = z.infer<typeof controlResponseSchema>;

/** SMPTE ST 12 time code of a picture. */
export const timeCodeSchema = z.object({
  type: z.literal('timeCode'),
  hours: z.uint32(),
  minutes: z.uint32(),
  seconds: z.uint32(),
  frames: z.uint32(),
  field_count: z.uint32(),
  /** Numerator and denominator. */
  fps: z.tuple([z.uint32(), z.uint32()]),
  flags: z.enum(['none', 'drop-frame', 'interlaced', 'drop-frame+interlaced']),
  /** When the time code was 0, ISO 8601. */
  latest_daily_jam: z.nullable(z.string()),
});
export type TimeCode = z.infer<typeof timeCodeSchema>;

/** Something about a picture of the stream `mid` that is on its way. */
export const infoSchema = z.object({
  type: z.literal('InfoMessage'),
  mid: z._default(z.nullable(z.string()), null),
  info: z.object({ meta: timeCodeSchema }),
});
export type InfoMessage = z.infer<typeof infoSchema>;

/** What a producer sends on the `control` channel. */
export type ControlProducerMessage = ControlResponseMessage | InfoMessage;
