// `npm start`: builds what is needed, then streams a test picture and a tone, with signalling server and page, on 127.0.0.1.
import { spawnSync } from 'node:child_process';

const { status, stdout } = spawnSync('npm run build --silent', { shell: true, stdio: ['ignore', 'pipe', 'inherit'] });
if (status === 0) {
  const servers = ['--run-signalling-server', '--run-web-server', '--stun-server', 'none'];
  process.argv.splice(2, 0, 'sink', ...servers, '--meta', 'name=test-picture');
  await import('../packages/tswebrtc/bin/tswebrtc.js');
} else {
  process.stderr.write(`${stdout}The build failed, and what it said stands above; "npm ci" installs what it needs.\n`);
  process.exitCode = 1;
}
