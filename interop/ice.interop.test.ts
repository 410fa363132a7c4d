/**
 * Networks that change under a session, between the command and a real Chromium in network namespaces: the figures of
 * docs/networks.md. Signalling has a link of its own, which stays.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPageOn, type RemotePage } from '../bench/network/chromium-on.ts';
import { networkMissing } from '../bench/network/network-lab.ts';
import { chromiumMissing } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { type PlayerPage, servePlayerPage, watchFirst } from './player-page.ts';

const MUX_PORT = 8189;
const IPV4 = { producer: '10.78.1.1', viewer: '10.78.1.2', moved: '10.78.1.77', bits: 24 };
const IPV6 = { producer: '2001:db8:77::1', viewer: '2001:db8:77::2', moved: '2001:db8:77::77', bits: 64 };
const ANOTHER = '10.78.1.9';
const SIGNALLING = { producer: '10.79.9.1', viewer: '10.79.9.2', bits: 24 };

type Link = { readonly producer: string; readonly viewer: string; readonly bits: number };

process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
const missing = networkMissing() ?? chromiumMissing();

function run(name: string, args: readonly string[], input = ''): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8', input });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} failed: ${stderr.trim()}`);
}

/** Two hosts with a link for media and, where `signalling` names it, another one. */
class TwoHosts {
  readonly producer = `tswi${process.pid}p`;
  readonly viewer = `tswi${process.pid}v`;

  constructor(media: Link, signalling?: Link) {
    for (const name of [this.producer, this.viewer]) {
      run('ip', ['netns', 'add', name]);
      run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    }
    this.#join('eth0', media);
    if (signalling) {
      this.#join('sig0', signalling);
      // It is for signalling alone.
      const rule = 'type filter hook input priority 0; iifname "sig0" meta l4proto udp drop';
      run('ip', ['netns', 'exec', this.producer, 'nft', '-f', '-'], `table inet signalling {\nchain input {\n${rule}\n}\n}\n`);
    }
    // Without a default route Chromium finds no address of its own.
    this.setAddress(this.viewer, media.viewer, media.bits, media.producer);
  }

  /** The only one of that host's interface for media. */
  setAddress(namespace: string, address: string, bits: number, gateway: string): void {
    run('ip', ['-n', namespace, 'addr', 'flush', 'dev', 'eth0', 'scope', 'global']);
    this.addAddress(namespace, address, bits);
    run('ip', ['-n', namespace, 'route', 'replace', 'default', 'via', gateway, 'dev', 'eth0']);
  }

  addAddress(namespace: string, address: string, bits: number, device = 'eth0'): void {
    const nodad = address.includes(':') ? ['nodad'] : [];
    run('ip', ['-n', namespace, 'addr', 'add', `${address}/${bits}`, 'dev', device, ...nodad]);
  }

  /** Nothing passes any more to or from this UDP port of the producer, as when a firewall has forgotten it. */
  block(port: number): void {
    const rules = [`udp dport ${port} drop`, `udp sport ${port} drop`];
    const chains = ['input', 'output'].map(
      (hook) => `chain ${hook} {\ntype filter hook ${hook} priority 0;\n${rules.join('\n')}\n}`,
    );
    run('ip', ['netns', 'exec', this.producer, 'nft', '-f', '-'], `table inet gone {\n${chains.join('\n')}\n}\n`);
  }

  #join(device: string, { producer, viewer, bits }: Link): void {
    run('ip', ['link', 'add', device, 'netns', this.producer, 'type', 'veth', 'peer', 'name', device, 'netns', this.viewer]);
    for (const [namespace, address] of [
      [this.producer, producer],
      [this.viewer, viewer],
    ] as const) {
      this.addAddress(namespace, address, bits, device);
      run('ip', ['-n', namespace, 'link', 'set', device, 'up']);
    }
  }

  /** All processes in them are ours: nobody else knows the namespaces. */
  remove(): void {
    for (const name of [this.producer, this.viewer]) {
      const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
      for (const pid of stdout.split('\n').filter(Boolean)) spawnSync('kill', ['-9', pid]);
      spawnSync('ip', ['netns', 'del', name]);
    }
  }
}

describe('a network that changes', () => {
  let served: PlayerPage;
  let hosts: TwoHosts;
  let sink: CommandProcess;
  let remote: RemotePage;

  beforeAll(async () => {
    served = await servePlayerPage();
  });
  beforeEach((context) => {
    if (missing) context.skip(missing);
  });
  afterAll(() => served?.close());
  afterEach(async () => {
    await remote?.close();
    await sink?.stop();
    hosts?.remove();
  });

  /** Plays in Chromium on the other host. */
  async function play(media: Link, signalling: Link | undefined, options: readonly string[]): Promise<void> {
    hosts = new TwoHosts(media, signalling);
    const address = (signalling ?? media).producer;
    const server = ['--run-signalling-server', '--signalling-server-host', address, '--signalling-server-port', '8443'];
    const picture = 'testsrc:width=320,height=240,framerate=30';
    const args = ['sink', '--json', picture, '--stun-server', 'none', '--video-codecs', 'VP8', ...server, ...options];
    sink = new CommandProcess(args, ['ip', 'netns', 'exec', hosts.producer]);
    await sink.event('registered');
    remote = await openPageOn({ namespace: hosts.viewer, address: media.viewer }, served.url);
    const uri = `ws://${address.includes(':') ? `[${address}]` : address}:8443`;
    await watchFirst(remote.page, uri);
  }

  const path = () => remote.page.evaluate(() => window.player.path());
  const gaps = (duration: number) => remote.page.evaluate((ms) => window.player.watchGaps(ms), duration);
  const ended = (): boolean => sink.events.some(({ event }) => event === 'consumer-removed');
  const say = (what: string, { longest, frames }: { longest: number; frames: number }): void =>
    console.log(`${what}: longest gap ${Math.round(longest)} ms, ${frames} frames`);

  it('with IPv6 alone and one UDP port: it plays, and one address more of the producer changes nothing', async () => {
    await play(IPV6, undefined, ['--ice-udp-mux', `${MUX_PORT}`]);
    const before = await path();
    expect(before.remote).toMatchObject({ address: IPV6.producer, port: MUX_PORT });
    expect(before.local.address).toContain(':');
    const watching = gaps(8000);
    hosts.addAddress(hosts.producer, '2001:db8:77::9', IPV6.bits);
    const watched = await watching;
    say('IPv6, one port, one address more', watched);
    expect(watched.longest).toBeLessThan(1000);
    expect(await path()).toMatchObject({ changes: before.changes, producer: before.producer });
    expect(ended()).toBe(false);
  }, 90_000);

  it('of the producer, which has another address in place of the one in use: a restart finds it', async () => {
    await play(IPV4, SIGNALLING, []);
    const before = await path();
    expect(before.remote.address).toBe(IPV4.producer);
    const watching = gaps(20_000);
    hosts.setAddress(hosts.producer, ANOTHER, IPV4.bits, IPV4.viewer);
    const watched = await watching;
    say('the producer has another address', watched);
    expect(watched.longest).toBeLessThan(12_000);
    const after = await path();
    expect(after.producer).not.toBe(before.producer);
    expect(after.remote.address).toBe(ANOTHER);
    expect((await gaps(2000)).frames).toBeGreaterThan(20);
    expect(ended()).toBe(false);
  }, 90_000);

  it.each([
    ['IPv4', IPV4],
    ['IPv6', IPV6],
  ] as const)(
    'of the consumer: another %s address is followed',
    async (family, link) => {
      await play(link, SIGNALLING, ['--ice-host-candidate', link.producer]);
      expect((await path()).remote.address).toBe(link.producer);
      const watching = gaps(20_000);
      hosts.setAddress(hosts.viewer, link.moved, link.bits, link.producer);
      const watched = await watching;
      say(`${family}, the consumer has another address`, watched);
      expect(watched.longest).toBeLessThan(12_000);
      const again = await gaps(2000);
      expect(again.frames).toBeGreaterThan(20);
      expect(ended()).toBe(false);
    },
    90_000,
  );

  it('on the way, which lets nothing through any more: a restart finds another', async () => {
    await play(IPV4, SIGNALLING, ['--ice-host-candidate', IPV4.producer]);
    const before = await path();
    const watching = gaps(20_000);
    hosts.block(before.remote.port);
    const watched = await watching;
    say('nothing passes on the old port', watched);
    expect(watched.longest).toBeLessThan(12_000);
    const after = await path();
    expect(after.producer).not.toBe(before.producer);
    expect(after.remote.port).not.toBe(before.remote.port);
    expect((await gaps(2000)).frames).toBeGreaterThan(20);
    expect(ended()).toBe(false);
  }, 90_000);
});
