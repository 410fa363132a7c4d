import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Real peers and timed figures: `npm run interop`. One file after the other, because figures want the machine for themselves. */
const { projects: _, ...test } = base.test!;
export default mergeConfig(
  { ...base, test },
  defineConfig({ test: { include: ['interop/**/*.interop.test.ts'], fileParallelism: false, testTimeout: 120_000 } }),
);
