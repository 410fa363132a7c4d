// Removes everything a build makes.
import { rmSync } from 'node:fs';

for (const project of [
  'packages/protocol',
  'packages/signalling-server',
  'packages/browser',
  'packages/srtp-batch',
  'packages/tswebrtc',
  'bench',
  'conformance',
]) {
  for (const made of ['dist', 'web', 'tsconfig.tsbuildinfo']) rmSync(`${project}/${made}`, { recursive: true, force: true });
}
