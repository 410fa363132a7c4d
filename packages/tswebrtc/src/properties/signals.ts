/**
 * Signals and actions of an element, declared once: GStreamer's names for what happens and what can be asked for, and how this library
 * has them. `inspect` and the documentation are made from the declarations.
 */
export interface Signal {
  readonly name: string;
  /** `action`: something to be asked of the element. */
  readonly kind: 'signal' | 'action';
  /** Name and type of each argument. */
  readonly args: readonly (readonly [name: string, type: string])[];
  readonly returns: string;
  /** How it is written in TypeScript. */
  readonly face: string;
  /** One line: when it comes, or what it does. */
  readonly doc: string;
}

/** The table of the documentation, in Markdown. */
export function describeSignals(signals: readonly Signal[]): string {
  const rows = signals.map(({ name, kind, face, doc }) =>
    [`\`${name}\``, kind, `\`${face}\``, doc].join(' | ').replaceAll('||', '\\|\\|'),
  );
  return ['name | kind | in TypeScript | what it says or does', '--- | --- | --- | ---', ...rows]
    .map((row) => `| ${row} |\n`)
    .join('');
}
