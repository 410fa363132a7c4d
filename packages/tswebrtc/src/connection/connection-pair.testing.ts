/** Two connections over real sockets, for tests of the network under them. */
import { VP8 } from '../sdp/session.testing.ts';
import { Connection } from './connection.ts';
import { NodeSrtpSender } from './srtp/node-srtp-sender.ts';
import type { DataChannel, RestartReason } from './transport/types.ts';
import type { ConnectionOptions, ConnectionState } from './types.ts';

/** What a test has to free, last made first. */
export class CleanUp {
  readonly #steps: (() => unknown)[] = [];

  add(...steps: (() => unknown)[]): void {
    this.#steps.push(...steps);
  }

  async run(): Promise<void> {
    for (const free of this.#steps.splice(0).reverse()) await free();
  }
}

export interface Peer {
  readonly connection: Connection;
  readonly states: ConnectionState[];
  readonly needs: RestartReason[];
}

async function peer(cleanUp: CleanUp, options: Partial<ConnectionOptions>): Promise<Peer> {
  const srtpSender = new NodeSrtpSender();
  const connection = await Connection.create({ srtpSender, ...options });
  const peer: Peer = { connection, states: [], needs: [] };
  connection.on('statechange', (state) => peer.states.push(state));
  connection.on('restartneeded', (reason) => peer.needs.push(reason));
  cleanUp.add(
    () => srtpSender.close(),
    () => connection.close(),
  );
  return peer;
}

export async function negotiate(offerer: Connection, answerer: Connection): Promise<void> {
  const offer = await offerer.createOffer();
  await offerer.setLocalDescription(offer);
  await answerer.setRemoteDescription(offer);
  const answer = await answerer.createAnswer();
  await answerer.setLocalDescription(answer);
  await offerer.setRemoteDescription(answer);
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** `optionsB`: of the answerer, where they are others. */
export async function connect(
  cleanUp: CleanUp,
  options: Partial<ConnectionOptions> = {},
  optionsB: Partial<ConnectionOptions> = options,
) {
  const [a, b] = await Promise.all([peer(cleanUp, options), peer(cleanUp, optionsB)]);
  a.connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
  b.connection.addTransceiver({ kind: 'video', direction: 'recvonly', codecs: [VP8] });
  a.connection.on('icecandidate', (candidate) => void b.connection.addIceCandidate({ ...candidate, sdpMid: null }));
  b.connection.on('icecandidate', (candidate) => void a.connection.addIceCandidate({ ...candidate, sdpMid: null }));
  const remote = new Promise<DataChannel>((resolve) => b.connection.once('datachannel', resolve));
  const channel = a.connection.createDataChannel('control');
  await negotiate(a.connection, b.connection);
  const received: string[] = [];
  (await remote).on('message', (message) => received.push(String(message)));
  await until('channel open', () => channel.readyState === 'open');
  return { a, b, channel, received };
}

export interface Path {
  readonly pair: string;
  readonly changes: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remotePort: number;
}

/** The pair in use. */
export async function pathOf({ connection }: Peer): Promise<Path> {
  const stats = await connection.getStats();
  const transport = stats.get('transport')!;
  const pair = stats.get(String(transport.selectedCandidatePairId))!;
  return {
    pair: pair.id,
    changes: Number(transport.selectedCandidatePairChanges),
    localAddress: String(stats.get(String(pair.localCandidateId))!.address),
    localPort: Number(stats.get(String(pair.localCandidateId))!.port),
    remotePort: Number(stats.get(String(pair.remoteCandidateId))!.port),
  };
}
