import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkerHost } from './worker-host.ts';

describe('a thread of the engine', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tswebrtc-worker-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function script(name: string, code: string): Promise<URL> {
    const path = join(folder, `${name}.mjs`);
    await writeFile(path, `import { parentPort } from 'node:worker_threads';\n${code}`);
    return pathToFileURL(path);
  }

  it('reports a missing media library in one sentence that says what to install', async () => {
    const file = await script('missing', `parentPort.postMessage({ type: 'unavailable', message: 'no binding' });`);
    const host = new WorkerHost(file);
    await expect(host.ready).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('npm install node-av'),
      cause: expect.objectContaining({ message: 'no binding' }),
    });
    await host.close();
  });

  it('reports a media library that takes the thread down while it loads', async () => {
    const host = new WorkerHost(await script('dies', `process.exit(3);`));
    await expect(host.ready).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await host.close();
  });

  it('tells its user that it crashed, and why', async () => {
    const file = await script(
      'crash',
      `parentPort.postMessage({ type: 'ready' }); parentPort.on('message', () => { throw new Error('bang'); });`,
    );
    const host = new WorkerHost(file);
    await host.ready;
    const died = new Promise((resolve) => host.take({ message: () => {}, died: resolve }));
    host.post({ type: 'anything' });
    expect(await died).toMatchObject({ message: 'bang' });
    await host.close();
  });

  it('is stopped when it does not end by itself', async () => {
    const file = await script(
      'stuck',
      `parentPort.postMessage({ type: 'ready' }); parentPort.on('message', () => { for (;;); });`,
    );
    const host = new WorkerHost(file);
    await host.ready;
    let died = false;
    host.take({
      message: () => {},
      died: () => {
        died = true;
      },
    });
    const started = performance.now();
    await Promise.all([host.close(), host.close()]);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(died).toBe(false);
  });
});
