// Builds the addon where that is possible, and says in one sentence what happened. Never fails and never uses the network:
// without the addon tswebrtc sends by plain TypeScript.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

const here = import.meta.dirname;
const fallback = 'tswebrtc will send by plain TypeScript';

try {
  console.log(build());
} catch (error) {
  console.log(`@tswebrtc/srtp-batch was not built (${error.message}): ${fallback}.`);
}

function build() {
  const not = (why) => `@tswebrtc/srtp-batch was not built, since ${why}: ${fallback}.`;
  if (process.env.TSWEBRTC_SRTP === 'plain') return not('TSWEBRTC_SRTP=plain asks for that');
  if (process.platform === 'win32') return not('there is no Windows version of it yet');
  const nodeGyp = findNodeGyp();
  if (!nodeGyp) return not('npm brought no node-gyp along');
  const headers = findHeaders();
  if (!headers) return not(`the headers of Node ${process.version} are not on this machine`);
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [nodeGyp, 'rebuild', `--nodedir=${headers}`], {
    cwd: here,
    encoding: 'utf8',
    maxBuffer: 16 << 20,
    timeout: 120_000,
  });
  if (status === 0 && existsSync(join(here, 'build/Release/srtp_batch.node'))) {
    const unusable = tryOut();
    if (!unusable) return '@tswebrtc/srtp-batch was built: tswebrtc will send by it.';
    rmSync(join(here, 'build'), { recursive: true, force: true });
    return not(`it does not run here (${unusable})`);
  }
  rmSync(join(here, 'build'), { recursive: true, force: true });
  return not(`node-gyp failed (${error?.message ?? reason(`${stderr}\n${stdout}`)})`);
}

/** Loads the addon in a process of its own; what went wrong, or nothing. */
function tryOut() {
  const script = `new (require('./build/Release/srtp_batch.node').NativeSender)(true, false).close()`;
  const { status, stderr, signal } = spawnSync(process.execPath, ['-e', script], { cwd: here, encoding: 'utf8' });
  return status === 0 ? undefined : (signal ?? reason(stderr));
}

/** The line of a compiler's or node-gyp's output that says most. */
function reason(output) {
  const lines = output.split('\n').map((line) => line.replace(/^gyp ERR! (stack )?/, '').trim());
  return lines.find((line) => /error|not found/i.test(line)) ?? lines.find((line) => line) ?? 'without a word';
}

/** npm's own node-gyp: what npm says, or where it lies beside npm or node. */
function findNodeGyp() {
  const beside = (npm) => join(npm, 'node_modules/node-gyp/bin/node-gyp.js');
  const candidates = [
    process.env.npm_config_node_gyp,
    process.env.npm_execpath && beside(resolve(dirname(process.env.npm_execpath), '..')),
    beside(resolve(dirname(process.execPath), '../lib/node_modules/npm')),
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, '../lib/node_modules/node-gyp/bin/node-gyp.js')),
  ];
  return candidates.find((candidate) => candidate && existsSync(candidate));
}

/** A folder with the headers of this Node: named by the user, beside node, or downloaded before by node-gyp. */
function findHeaders() {
  const caches = [process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), join(homedir(), 'Library/Caches')];
  const candidates = [
    process.env.npm_config_nodedir,
    resolve(dirname(process.execPath), '..'),
    ...caches.map((cache) => join(cache, 'node-gyp', process.versions.node)),
  ];
  return candidates.find((folder) => folder && isForThisNode(join(folder, 'include/node')));
}

/** The addon's interface is the same in all versions, but OpenSSL's structures change with its major version. */
function isForThisNode(include) {
  const version = join(include, 'node_version.h');
  if (!existsSync(join(include, 'node_api.h')) || !existsSync(join(include, 'openssl/evp.h')) || !existsSync(version))
    return false;
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(version, 'utf8'))?.[1];
  return major === process.versions.node.split('.')[0];
}
