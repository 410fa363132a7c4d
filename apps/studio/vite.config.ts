/**
 * Builds the page into the package that serves it. The libraries are taken from their sources, so that the page can be built
 * before they are; addresses are relative, because the sink may serve the page under any path.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  base: './',
  resolve: {
    alias: {
      '@tswebrtc/browser': here('../../packages/browser/src/index.ts'),
      '@tswebrtc/protocol': here('../../packages/protocol/src/index.ts'),
    },
  },
  build: {
    outDir: here('../../packages/tswebrtc/web'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1' },
});
