// `npm start`: builds what is needed, then streams a test picture and a tone, with signalling server and page, on 127.0.0.1.
import { execSync } from 'node:child_process';

execSync('npm run build --silent', { stdio: ['ignore', 'ignore', 'inherit'] });
process.argv.splice(
  2,
  0,
  'sink',
  '--run-signalling-server',
  '--run-web-server',
  '--stun-server',
  'none',
  '--meta',
  'name=test-picture',
);
await import('../packages/tswebrtc/bin/tswebrtc.js');
