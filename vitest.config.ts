import { defineConfig } from 'vitest/config';

// Workspace packages are tested from their sources; only worker threads run the built files (see docs/architecture.md).
const source = (name: string): string => new URL(`./packages/${name}/src/index.ts`, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: {
      '@tswebrtc/protocol': source('protocol'),
      '@tswebrtc/signalling-server': source('signalling-server'),
      '@tswebrtc/browser': source('browser'),
    },
  },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'apps/*/{src,test}/**/*.test.ts',
      'scripts/**/*.test.ts',
      'interop/**/*.browser.test.ts',
      'interop/install.test.ts',
      'examples/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
