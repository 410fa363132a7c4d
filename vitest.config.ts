import { defineConfig } from 'vitest/config';

// Workspace packages are tested from their sources; only worker threads run the built files (see docs/architecture.md).
const source = (name: string): string => new URL(`./packages/${name}/src/index.ts`, import.meta.url).pathname;

/**
 * What real browsers, encoders and commands do in real time is judged by the clock: such files run alone, one after the other, and
 * after the rest, so that what is asserted is what the code does and not how busy the machine was.
 */
const realTime = [
  '**/*.browser.test.ts',
  'examples/**/*.test.ts',
  'interop/install.test.ts',
  'packages/tswebrtc/src/cli/{main,sink,src}.test.ts',
  'packages/tswebrtc/src/media/*.test.ts',
  'packages/tswebrtc/src/webrtcsrc/src-recording.test.ts',
];
const outside = ['**/node_modules/**', '**/dist/**'];

export default defineConfig({
  resolve: {
    alias: {
      '@tswebrtc/protocol': source('protocol'),
      '@tswebrtc/signalling-server': source('signalling-server'),
      '@tswebrtc/browser': source('browser'),
    },
  },
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'any time',
          include: [
            'packages/*/src/**/*.test.ts',
            'apps/*/{src,test}/**/*.test.ts',
            'scripts/**/*.test.ts',
            'bench/**/*.test.ts',
            'conformance/**/*.test.ts',
          ],
          exclude: [...outside, ...realTime],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'real time',
          include: realTime,
          exclude: outside,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
