import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const native = new URL('../native/', import.meta.url).pathname;
const compiler = process.env.CC ?? 'cc';
const usable = process.platform === 'linux' && spawnSync(compiler, ['--version']).status === 0;
if (!usable) console.warn('The tests of the native queue are skipped: they need Linux and a C compiler.');

describe.skipIf(!usable)('the native queue', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'srtp-batch-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps order, counts and memory right whatever the system says', () => {
    const program = join(folder, 'udp-test');
    const compile = (...flags: string[]) =>
      spawnSync(
        compiler,
        [
          ...['-std=gnu11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', ...flags, '-Wl,--wrap=sendmmsg,--wrap=sendto'],
          ...['udp.test.c', 'udp.c', 'lane.c', 'sender.c'].map((name) => join(native, name)),
          ...['-o', program],
        ],
        { encoding: 'utf8' },
      );
    // The sanitizers are part of most compilers, not of all.
    if (compile('-fsanitize=address,undefined', '-fno-sanitize-recover=all').status !== 0) {
      expect(compile().stderr).toBe('');
    }
    const { status, stdout, stderr } = spawnSync(program, { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'all as it should be\n', stderr: '' });
  });
});
