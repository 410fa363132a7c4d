/** Messages of the data channels to text. */
import type { ControlId, ControlRequestMessage, InfoMessage, NavigationMessage } from './messages.ts';

/** Throws `TypeError` when the structure of a custom event is no JSON value. */
export function encodeControlRequest({ id, mid, request }: ControlRequestMessage): string {
  return `{"id":${id},"mid":${JSON.stringify(mid)},"request":${JSON.stringify(request)}}`;
}

/** `error`: null when the request was handled. */
export function encodeControlResponse(id: ControlId, error: string | null): string {
  return `{"type":"ControlResponseMessage","id":${id},"error":${JSON.stringify(error)}}`;
}

export function encodeInfo({ type, mid, info }: InfoMessage): string {
  return JSON.stringify({ type, mid, info });
}

export function encodeNavigation({ mid, event }: NavigationMessage): string {
  return JSON.stringify({ mid, ...event });
}
