/** `.ci/run` with an `npm` that only pretends: what counts is how the output ends. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = new URL('../.ci/run', import.meta.url).pathname;
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ci-run-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs `.ci/run` where `npm X` does what `cases` says about X. */
function run(cases: Record<string, string>): { status: number | null; lines: string[] } {
  const npm = join(directory, 'npm');
  const branches = Object.entries(cases).map(([args, body]) => `"${args}") ${body};;`);
  writeFileSync(npm, `#!/bin/sh\ncase "$*" in\n${branches.join('\n')}\nesac\n`);
  chmodSync(npm, 0o755);
  const { status, stdout } = spawnSync(script, {
    env: { PATH: `${directory}${delimiter}${process.env.PATH}` },
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n') };
}

describe('.ci/run', () => {
  it('installs, sets up, tests, and ends with the count', () => {
    const { status, lines } = run({
      ci: 'echo installed',
      'run setup': 'echo set up',
      test: "echo '12 passed, 0 failed, 1 skipped'",
    });
    expect(lines).toEqual(['installed', 'set up', '12 passed, 0 failed, 1 skipped']);
    expect(status).toBe(0);
  });

  it('ends with the count although npm complains after it', () => {
    const { status, lines } = run({ test: "echo '11 passed, 1 failed, 0 skipped'; echo 'npm error code 1' >&2; exit 1" });
    expect(lines.at(-1)).toBe('11 passed, 1 failed, 0 skipped');
    expect(status).toBe(1);
  });

  it('counts one failure when the tests were never reached, and does not go on', () => {
    const { status, lines } = run({ ci: 'exit 7', test: "echo '12 passed, 0 failed, 0 skipped'" });
    expect(lines.at(-1)).toBe('0 passed, 1 failed, 0 skipped');
    expect(status).toBe(7);
  });

  it('does not call a run without a count a success', () => {
    const { status, lines } = run({ test: 'exit 0' });
    expect(lines.at(-1)).toBe('0 passed, 1 failed, 0 skipped');
    expect(status).toBe(1);
  });
});
