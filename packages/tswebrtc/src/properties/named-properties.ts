/** Properties by their names elsewhere than in TypeScript: `max-bitrate`, `video-codecs`, `signaller::uri`. */
import { kebabCase, type Property, type Schema } from './property-schema.ts';

export interface NamedProperty {
  readonly name: string;
  /** Where its value goes in the options of the element. */
  readonly path: readonly [key: string] | readonly ['signaller', key: string];
  readonly declaration: Property<unknown, unknown>;
}

/** Those of an element in order of declaration, then those of its default signaller. */
export function nameProperties(element: Schema, signaller: Schema): readonly NamedProperty[] {
  return [
    ...Object.entries(element).map(([key, declaration]): NamedProperty => ({ name: kebabCase(key), path: [key], declaration })),
    ...Object.entries(signaller).map(
      ([key, declaration]): NamedProperty => ({ name: `signaller::${kebabCase(key)}`, path: ['signaller', key], declaration }),
    ),
  ];
}
