/** The packages as npm would publish them. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { describe, expect, it } from 'vitest';

interface Manifest {
  name: string;
  version: string;
  license?: string;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
}

const directories = ['protocol', 'signalling-server', 'browser', 'srtp-batch', 'tswebrtc'].map((name) =>
  fileURLToPath(new URL(`../packages/${name}`, import.meta.url)),
);
const read = (directory: string): Manifest => JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
const versions = new Map(directories.map((directory) => [read(directory).name, read(directory).version]));

describe.each(directories.map((directory) => [read(directory).name, directory] as const))('%s', (_, directory) => {
  const manifest = read(directory);

  it('is a sound package: every file it names is there and of the right format', { timeout: 60_000 }, async () => {
    const { messages } = await publint({ pkgDir: directory, strict: true });
    expect(messages.map((message) => formatMessage(message, manifest as unknown as Record<string, unknown>))).toEqual([]);
  });

  it('packs what it needs to run and nothing that only tests need', { timeout: 60_000 }, () => {
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'], { cwd: directory });
    const [{ files }] = JSON.parse(packed.toString()) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toContain('dist/index.js');
    expect(paths.filter((path) => /\.(test|testing)\./.test(path))).toEqual([]);
  });

  it('declares its types by what its users have installed with it', () => {
    const allowed = Object.keys(manifest.dependencies ?? {});
    const foreign = [...foreignTypes(`${directory}/dist/index.d.ts`)].filter((name) => !isBuiltin(name));
    expect(foreign.filter((name) => !allowed.includes(name))).toEqual([]);
    // Types that come from a package of types would have to be a dependency too.
    const untyped = (name: string): boolean => existsSync(new URL(`../node_modules/@types/${name}`, import.meta.url));
    expect(foreign.filter(untyped)).toEqual([]);
  });

  it('carries its licence', () => {
    expect(manifest.license).toBe('MPL-2.0');
    expect(readFileSync(`${directory}/LICENSE`, 'utf8')).toContain('Mozilla Public License');
  });

  it('has commands that can be run as they are', () => {
    for (const file of Object.values(manifest.bin ?? {})) {
      accessSync(`${directory}/${file}`, constants.X_OK);
      expect(readFileSync(`${directory}/${file}`, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });

  it('depends on the versions of its sisters that are here', () => {
    for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
      if (versions.has(name)) expect(`${name} ${range}`).toBe(`${name} ${versions.get(name)}`);
    }
  });
});

/** The packages and Node modules whose types the declarations reachable from `entry` are made of. */
function foreignTypes(entry: string): Set<string> {
  const files = [entry];
  const foreign = new Set<string>();
  for (const file of files) {
    for (const [, source] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      if (source!.startsWith('.')) {
        const next = path.resolve(path.dirname(file), source!.replace(/\.[jt]s$/, '.d.ts'));
        if (!files.includes(next)) files.push(next);
      } else foreign.add(source!.startsWith('node:') ? source! : source!.split('/', source!.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  return foreign;
}
