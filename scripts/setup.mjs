// Installs what the tests need beyond npm's packages: a Chromium, a font for it, openssl for throw-away certificates, and brokers;
// and what the benchmarks need: tools that make networks, and a C compiler.
// With --peers also the real programs that `npm run interop` tries itself against; what is missing of them is left out there.
// Safe to run again; without root it only says what to do.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const needed = [
  { program: 'chromium', packages: ['chromium', 'fonts-dejavu-core'], why: 'the tests play streams in it' },
  { program: 'openssl', packages: ['openssl'], why: 'the tests make certificates with it' },
  { program: 'redis-server', packages: ['redis-server'], why: 'the tests of several signalling servers share it' },
  { program: 'nats-server', packages: ['nats-server'], why: 'the tests of several signalling servers share it, too' },
  { program: 'ip', packages: ['iproute2'], why: 'benchmarks make networks with it' },
  { program: 'tc', packages: ['iproute2'], why: 'benchmarks make slow links with it' },
  { program: 'nft', packages: ['nftables'], why: 'benchmarks lose packets with it' },
  { program: 'cc', packages: ['gcc', 'libc6-dev'], why: 'benchmarks compile small helpers with it' },
];

const peers = [
  { program: 'firefox-esr', packages: ['firefox-esr'], why: 'interop tests record what it produces' },
  { program: 'ffplay', packages: ['ffmpeg'], why: '`tswebrtc play` shows streams with it' },
  {
    program: 'turnserver',
    packages: ['coturn'],
    why: 'interop tests let it judge the credentials that the signalling server gives',
  },
  { program: 'janus', packages: ['janus'], why: 'interop tests send it several sizes of a picture at once' },
  {
    program: '/usr/lib/python3/dist-packages/aiortc',
    packages: ['python3-aiortc', 'python3-websockets'],
    why: '`npm run support` watches with it',
  },
  { program: 'Xvfb', packages: ['xvfb'], why: 'interop tests look at its window' },
  { program: 'import', packages: ['imagemagick'], why: 'interop tests take a picture of that window' },
  {
    program: 'gst-launch-1.0',
    packages: [
      'gstreamer1.0-tools',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
      'gstreamer1.0-libav',
      'gstreamer1.0-nice',
      'gstreamer1.0-x',
      'gir1.2-gst-plugins-bad-1.0',
      'python3-gst-1.0',
      'python3-websockets',
    ],
    why: "interop tests record what GStreamer's webrtcbin produces",
  },
];
/** What Debian does not have and Rust's registry does. */
const crates = [
  {
    program: 'gst-webrtc-signalling-server',
    crate: 'gst-plugin-webrtc-signalling',
    version: '^0.15',
    why: 'interop tests run the conformance suite against it',
  },
];
const withPeers = process.argv.includes('--peers');
if (withPeers) needed.push(...peers);

const missing = needed.filter(({ program }) => !isOnPath(program));
if (missing.length === 0) {
  console.log(`Nothing to set up: ${list(needed)} are here.`);
} else {
  for (const { program, why } of missing) console.log(`There is no ${program}: ${why}.`);
  if (isRoot() && isDebian()) installWithApt(packagesOf(missing));
  else advise();
}
if (withPeers) for (const peer of crates) if (!isOnPath(peer.program)) installWithCargo(peer);

function installWithApt(packages) {
  // Without a fresh list the old one may do; if not, the installation says so.
  if (!apt('Fetching the list of Debian packages …', ['update', '-qq']))
    console.log('That failed; trying with the list that is here.');
  // Another process may hold the lock for minutes, for example a machine that has just been started.
  const quietly = ['-qq', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=400'];
  if (!apt(`Installing ${packages.join(', ')} …`, ['install', ...quietly, ...packages])) process.exit(1);
  console.log('Done.');
}

/** Does without where there is no Rust: these peers are for `npm run interop` alone, which says what it does without. */
function installWithCargo({ program, crate, version, why }) {
  if (!isOnPath('cargo')) return console.log(`There is no ${program} (${why}) and no cargo to build it with: it is left out.`);
  console.log(`There is no ${program}: ${why}. Building it, which takes some minutes …`);
  const { status } = spawnSync('cargo', ['install', '--quiet', '--locked', crate, '--version', version], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(status === 0 ? 'Done.' : 'cargo could not build it: it is left out.');
}

function apt(what, args) {
  console.log(what);
  const { status, stdout, stderr, error } = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
  });
  if (status === 0) return true;
  console.error(`${stdout ?? ''}${stderr ?? ''}`);
  console.error(`apt-get ${args[0]} failed (${error?.message ?? `exit code ${status}`}); its messages are above.`);
  return false;
}

function advise() {
  const programs = list(missing);
  if (isDebian()) {
    console.log(`Run this: sudo apt-get install --no-install-recommends ${packagesOf(missing).join(' ')}`);
  } else console.log(`Install ${programs} with the package manager of this system, so that the command is on the PATH.`);
  console.log('Until then the tests and benchmarks that need it fail or are skipped; everything else works.');
}

function packagesOf(items) {
  return [...new Set(items.flatMap(({ packages }) => packages))];
}

function list(items) {
  return new Intl.ListFormat('en').format(items.map(({ program }) => program));
}

/** Where a user's PATH lacks the administrator's folders, what is there still counts. */
function isOnPath(program) {
  if (program.startsWith('/')) return existsSync(program);
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isRoot() {
  return process.getuid?.() === 0;
}

/** Debian and its children, Ubuntu among them. */
function isDebian() {
  return existsSync('/usr/bin/apt-get') && /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
}
