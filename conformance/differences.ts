/** The intended differences from the original as a table of Markdown, for people on the command line and for the documentation. */
import type { Case } from './case.ts';

export function differencesTable(cases: readonly Case[]): string {
  const rows = cases.flatMap((one) =>
    'differs' in one && one.differs
      ? [`| ${one.id} | ${one.reference} | ${one.title} | ${one.differs.instead} | ${one.differs.why} |`]
      : [],
  );
  return ['| case | reference | our server | the original | why |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}
