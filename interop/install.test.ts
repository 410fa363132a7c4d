/** What a stranger does: packs of the packages, installed into an empty folder, give the command and the library. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = new URL('..', import.meta.url).pathname;
const names = ['@tswebrtc/protocol', '@tswebrtc/signalling-server', '@tswebrtc/browser', '@tswebrtc/srtp-batch', 'tswebrtc'];
let scratch: string;
let folder: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'install-'));
  folder = join(scratch, 'empty');
  const packs = join(scratch, 'packs');
  await mkdir(folder);
  await mkdir(packs);
  const workspaces = names.flatMap((name) => ['--workspace', name]);
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', packs, ...workspaces], { cwd: root });
  const tarballs = (await readdir(packs)).map((file) => join(packs, file));
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  // The registry is asked only for what this machine has not downloaded before; no script of a dependency runs.
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  await run('npm', ['install', ...quick, ...tarballs], { cwd: folder, env: environment() });
}, 180_000);
afterAll(() => rm(scratch, { recursive: true, force: true }), 60_000);

/** Without what the surrounding `npm test` tells its children. */
function environment(): NodeJS.ProcessEnv {
  const own = (name: string): boolean => !/^npm_(package|lifecycle|config_(local_)?prefix|command|execpath)/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => own(name)));
}

describe('the packages in an empty folder', () => {
  it('install one copy of each other', async () => {
    const { stdout } = await run('npm', ['ls', '--all', '--json', ...names], { cwd: folder, env: environment() });
    expect(stdout).not.toMatch(/"(missing|invalid|extraneous)"/);
    expect(await readdir(join(folder, 'node_modules', 'tswebrtc'))).not.toContain('node_modules');
  });

  it('give the command, with the page it serves', async () => {
    const { stdout } = await run('npx', ['--no-install', 'tswebrtc', '--help'], { cwd: folder, env: environment() });
    expect(stdout).toContain('signalling-server');
    expect(await readdir(join(folder, 'node_modules', 'tswebrtc', 'web'))).toContain('index.html');
  });

  it('give the library', async () => {
    const script = [
      "import { WebRTCSink } from 'tswebrtc';",
      "const sink = new WebRTCSink({ videoCodecs: ['H264', 'VP8'] });",
      'await sink.close();',
      "console.log('closed');",
    ].join('\n');
    await writeFile(join(folder, 'script.mjs'), script);
    const { stdout } = await run(process.execPath, ['script.mjs'], { cwd: folder, timeout: 30_000 });
    expect(stdout.trim()).toBe('closed');
  });
});
