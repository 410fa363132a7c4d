/** `tswebrtc inspect`: what the elements are. */
import { elements } from '../launch/elements.ts';
import { elementDescription, inspectElement, listElements } from '../launch/inspect.ts';

export interface InspectCommand {
  readonly json: boolean;
  /** Default: the list of them. */
  readonly element: string | undefined;
  /** Of the package. */
  readonly version: string;
}

export function inspectText({ json, element, version }: InspectCommand): string {
  const found = elements.find(({ name }) => name === element);
  if (json) return (found ? [found] : elements).map((one) => `${JSON.stringify(elementDescription(one))}\n`).join('');
  return found ? inspectElement(found, version) : listElements(elements);
}
