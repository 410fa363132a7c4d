/** A media engine and a folder for the tests of a file, and inputs that end with the test that opened them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { loadMediaEngine } from './engine.ts';
import type { InputDescription, MediaEngine, MediaInput } from './types.ts';

/** An input, and what it says of itself, in order. */
export interface Opened {
  readonly input: MediaInput;
  readonly said: string[];
}

export class TestMedia {
  engine!: MediaEngine;
  folder!: string;
  /** Called after the test, all at once, when its inputs are closed. */
  readonly closing: (() => Promise<unknown>)[] = [];
  readonly #inputs: MediaInput[] = [];

  async openInput(description: InputDescription): Promise<Opened> {
    const input = await this.engine.openInput(description);
    this.#inputs.push(input);
    const said: string[] = [];
    input.on('interrupted', (reason) => said.push(reason));
    input.on('resumed', () => said.push('resumed'));
    input.on('ended', () => said.push('ended'));
    input.on('error', (error) => said.push(error.message));
    return { input, said };
  }

  async closeInputs(): Promise<void> {
    await Promise.all(this.#inputs.splice(0).map((input) => input.close()));
    await Promise.all(this.closing.splice(0).map((close) => close()));
  }
}

/** To be called at the top of a file. */
export function useMedia(name: string): TestMedia {
  const media = new TestMedia();
  beforeAll(async () => {
    media.folder = await mkdtemp(join(tmpdir(), `tswebrtc-${name}-`));
    media.engine = await loadMediaEngine();
  });
  afterEach(() => media.closeInputs());
  afterAll(async () => {
    await media.engine.close();
    await rm(media.folder, { recursive: true });
  });
  return media;
}
