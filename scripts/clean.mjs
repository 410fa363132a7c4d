// Removes everything a build makes.
import { rmSync } from 'node:fs';

for (const dir of ['protocol', 'signalling-server', 'browser', 'tswebrtc'])
  rmSync(`packages/${dir}/dist`, { recursive: true, force: true });
for (const path of ['packages/tswebrtc/web', 'bench/dist', 'tsconfig.tsbuildinfo'])
  rmSync(path, { recursive: true, force: true });
