/** What `tswebrtc src` sends to the producer, as it is typed. */
import { type ControlStructure, type NavigationEvent, navigationEventSchema, structureFault } from '@tswebrtc/protocol';
import { invalid } from '../properties/property-schema.ts';
import { describeNavigation } from './navigation.ts';

export type EventToSend =
  | { readonly type: 'navigation'; readonly navigation: NavigationEvent }
  | { readonly type: 'custom-upstream-event'; readonly structureName: string; readonly structure: ControlStructure };

/** Without modifier_state nothing is held down. */
export function parseNavigation(source: string, spelling: string): EventToSend {
  const result = navigationEventSchema.safeParse({ modifier_state: '', ...readObject(source, spelling) });
  if (result.success) return { type: 'navigation', navigation: result.data };
  const field = result.error.issues[0]?.path.at(-1) ?? 'event';
  throw invalid(
    `${spelling} has no valid "${String(field)}", but it must be an event such as {"event":"MouseButtonPress","button":1,"x":20,"y":10}.`,
  );
}

export function parseCustomEvent(source: string, spelling: string): EventToSend {
  const [name, json] = [source.split('=', 1)[0]!, source.slice(source.indexOf('=') + 1)];
  if (name === '' || !source.includes('=')) throw invalid(`${spelling} must be a name and fields, such as light={"on":true}.`);
  const structure = readObject(json, spelling);
  const fault = structureFault(structure);
  if (fault) throw invalid(`${spelling} has a structure that ${fault}.`);
  return { type: 'custom-upstream-event', structureName: name, structure };
}

/** In words, without a full stop. */
export function describeEvent(event: EventToSend): string {
  return event.type === 'navigation' ? describeNavigation(event.navigation) : event.structureName;
}

function readObject(source: string, spelling: string): Record<string, unknown> {
  try {
    const value = JSON.parse(source) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw invalid(`${spelling} is ${JSON.stringify(source)}, but it must be a JSON object; quote it for the shell.`);
}
