/** Several hubs that tell each other what they have to know, over links that keep the order and lose nothing. */
import type { ServerMessage } from '@tswebrtc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from './cluster-events.ts';
import { type HubOptions, type Outgoing, SignallingHub } from './hub.ts';
import { event, names } from './hub-events.testing.ts';

/** Hubs with a queue from each to each other. */
class Hubs {
  readonly hubs = new Map<string, SignallingHub>();
  /** What every peer was sent, in order. */
  readonly sent = new Map<string, ServerMessage[]>();
  readonly #queues = new Map<string, ClusterEvent[]>();
  readonly #options: HubOptions;
  #ids = 0;

  constructor(servers: readonly string[], options: HubOptions = {}) {
    this.#options = options;
    for (const server of servers) this.join(server);
  }

  join(server: string): void {
    const others = (): string[] => [...this.hubs.keys()].filter((name) => name !== server);
    const send = (to: string, told: ClusterEvent): void => {
      // Over a real link it is text.
      if (this.hubs.has(to)) this.#queue(server, to).push(JSON.parse(JSON.stringify(told)) as ClusterEvent);
    };
    const hub = new SignallingHub({
      ...this.#options,
      createId: () => `s${++this.#ids}`,
      cluster: { send, broadcast: (told) => others().forEach((to) => void send(to, told)) },
    });
    this.hubs.set(server, hub);
    for (const other of others()) {
      for (const told of this.hub(other).servers.introduction()) this.#queue(other, server).push(told);
      for (const told of hub.servers.introduction()) send(other, told);
    }
  }

  /** The server is gone without a word; what it has told and nobody has heard yet is lost. */
  kill(server: string): void {
    this.hubs.delete(server);
    for (const [other, hub] of this.hubs) {
      this.#queues.delete(`${server}>${other}`);
      this.#queues.delete(`${other}>${server}`);
      this.take(hub.servers.left(server));
    }
  }

  hub(server: string): SignallingHub {
    return this.hubs.get(server)!;
  }

  take(outgoing: readonly Outgoing[]): void {
    for (const { to, message } of outgoing) this.sent.set(to, [...(this.sent.get(to) ?? []), message]);
  }

  /** Delivers one event of one of the links that have some; false when all is delivered. */
  deliver(pick: number): boolean {
    const waiting = [...this.#queues].filter(([, events]) => events.length > 0);
    if (waiting.length === 0) return false;
    const [link, events] = waiting[pick % waiting.length]!;
    const [from, to] = link.split('>') as [string, string];
    this.take(this.hub(to).servers.handle(from, events.shift()!));
    return true;
  }

  settle(): void {
    while (this.deliver(0));
  }

  /** What `peer` was sent since the last call. */
  read(peer: string): ServerMessage[] {
    const messages = this.sent.get(peer) ?? [];
    this.sent.delete(peer);
    return messages;
  }

  #queue(from: string, to: string): ClusterEvent[] {
    const link = `${from}>${to}`;
    if (!this.#queues.has(link)) this.#queues.set(link, []);
    return this.#queues.get(link)!;
  }
}

/** `connect`, `message` and `disconnect` of a peer that is connected to `hub`. */
function happens(
  hub: SignallingHub,
  connected: Set<string>,
  step: { kind: string; peer: string; message?: unknown },
): Outgoing[] {
  if (step.kind === 'connect') {
    if (connected.has(step.peer)) return [];
    connected.add(step.peer);
    return hub.connect(step.peer);
  }
  if (!connected.has(step.peer)) return [];
  if (step.kind === 'message') return hub.handle(step.peer, step.message as never);
  connected.delete(step.peer);
  return hub.disconnect(step.peer);
}

describe('several hubs', () => {
  const home = (peer: string): string => (names.indexOf(peer) % 2 === 0 ? 'one' : 'two');
  /** Refusals name what a hub knows, and of peers that never had a status only their own knows. */
  const comparable = (messages: readonly ServerMessage[]) =>
    messages.map((message) => (message.type === 'error' ? { type: 'error' } : message));

  it('tell every peer what a single one would', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const single = new Hubs(['one']);
        const several = new Hubs(['one', 'two']);
        const connected = { single: new Set<string>(), several: new Set<string>() };
        for (const step of events) {
          single.take(happens(single.hub('one'), connected.single, step));
          several.take(happens(several.hub(home(step.peer)), connected.several, step));
          several.settle();
          for (const name of names) expect(comparable(several.read(name))).toEqual(comparable(single.read(name)));
        }
      }),
      { seed: 11, numRuns: 1000 },
    );
  });

  it('agree in the end, however long their words to each other take', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: event },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('deliver'), pick: fc.nat(9) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const hubs = new Hubs(['one', 'two']);
        const connected = new Set<string>();
        /** The sessions that each peer believes in, by what it was sent and has ended itself. */
        const believed = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
        const hear = (): void => {
          for (const name of names)
            for (const message of hubs.read(name)) {
              const sessions = believed.get(name)!;
              if (message.type === 'sessionStarted' || message.type === 'startSession') sessions.add(message.sessionId);
              if (message.type === 'peer') expect(sessions).toContain(message.sessionId);
              if (message.type === 'endSession' || message.type === 'endSessionV1_1')
                expect(sessions.delete(message.sessionId)).toBe(true);
            }
        };
        for (const one of steps) {
          if ('pick' in one) hubs.deliver(one.pick);
          else {
            const outgoing = happens(hubs.hub(home(one.peer)), connected, one as never);
            const sessions = believed.get(one.peer)!;
            const isRefused = outgoing.some(({ message }) => message.type === 'error');
            if (one.kind === 'disconnect') sessions.clear();
            if (one.kind === 'message' && !isRefused && 'sessionId' in one.message && one.message.type !== 'peer')
              sessions.delete(one.message.sessionId);
            if (one.kind === 'message' && !isRefused && one.message.type === 'setPeerStatus') {
              // It has given up a role: it ended these sessions itself.
              const hub = hubs.hub(home(one.peer));
              for (const id of [...sessions]) if (isRefusedInSession(hub, one.peer, id)) sessions.delete(id);
            }
            hubs.take(outgoing);
          }
          hear();
        }
        while (hubs.deliver(0)) hear();
        hear();
        const holders = new Map<string, number>();
        for (const sessions of believed.values()) for (const id of sessions) holders.set(id, (holders.get(id) ?? 0) + 1);
        const local = (name: string): number =>
          [...believed].filter(([peer]) => home(peer) === name).flatMap(([, ids]) => [...ids]).length;
        expect(hubs.hub('one').sessionCount).toBeLessThanOrEqual(local('one'));
        expect(hubs.hub('two').sessionCount).toBeLessThanOrEqual(local('two'));
        for (const name of names) {
          const list = (server: string) => {
            const hub = hubs.hub(server);
            hub.connect('reader');
            const answers = (['list', 'listConsumers'] as const).map((type) => hub.handle('reader', { type })[0]!.message);
            hub.disconnect('reader');
            hubs.settle();
            return JSON.stringify(
              answers.map((answer) =>
                Object.values(answer)
                  .flat()
                  .map((peer) => JSON.stringify(peer))
                  .sort(),
              ),
            );
          };
          expect(list('one')).toBe(list('two'));
          if (!connected.has(name)) expect(believed.get(name)!.size).toBe(0);
        }
        // Whoever is in a session is in it with somebody who believes so, too: itself, or one other.
        for (const count of holders.values()) expect(count).toBeLessThanOrEqual(2);
        for (const name of connected) hubs.take(hubs.hub(home(name)).disconnect(name));
        hubs.settle();
        expect([hubs.hub('one').sessionCount, hubs.hub('two').sessionCount]).toEqual([0, 0]);
      }),
      { seed: 12, numRuns: 1000 },
    );
  });
});

/** Whether the peer is told that it does not belong to that session, or nothing at all because there is none. */
function isRefusedInSession(hub: SignallingHub, peer: string, sessionId: string): boolean {
  const outgoing = hub.handle(peer, { type: 'peer', sessionId, ice: { candidate: '', sdpMLineIndex: 0 } });
  return outgoing.length === 0 || outgoing[0]!.message.type === 'error';
}

describe('a session across two servers', () => {
  function pair(options: HubOptions = {}) {
    const hubs = new Hubs(['one', 'two'], options);
    hubs.hub('one').connect('producer');
    hubs.hub('two').connect('consumer');
    hubs.take(hubs.hub('one').handle('producer', { type: 'setPeerStatus', roles: ['producer'], meta: { name: 'camera' } }));
    hubs.settle();
    return hubs;
  }

  it('is started, carries messages both ways in their order, and is ended', () => {
    const hubs = pair();
    hubs.take(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: 'v=0' }));
    expect(hubs.read('consumer')).toEqual([]);
    hubs.settle();
    expect(hubs.read('producer')).toEqual([{ type: 'startSession', peerId: 'consumer', sessionId: 's1', offer: 'v=0' }]);
    expect(hubs.read('consumer')).toEqual([{ type: 'sessionStarted', peerId: 'producer', sessionId: 's1' }]);
    const candidates = Array.from({ length: 20 }, (_, index) => ({
      type: 'peer' as const,
      sessionId: 's1',
      ice: { candidate: `c${index}`, sdpMLineIndex: 0 },
    }));
    for (const candidate of candidates) {
      hubs.take(hubs.hub('one').handle('producer', candidate));
      hubs.take(hubs.hub('two').handle('consumer', candidate));
    }
    hubs.settle();
    expect(hubs.read('consumer')).toEqual(candidates);
    expect(hubs.read('producer')).toEqual(candidates);
    hubs.hub('two').handle('consumer', { type: 'endSession', sessionId: 's1' });
    hubs.settle();
    expect(hubs.read('producer')).toEqual([{ type: 'endSession', sessionId: 's1' }]);
    expect([hubs.hub('one').sessionCount, hubs.hub('two').sessionCount]).toEqual([0, 0]);
  });

  it('does not begin with a peer that has gone meanwhile, and its starter is told so', () => {
    const hubs = pair();
    hubs.take(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: null }));
    hubs.take(hubs.hub('one').disconnect('producer'));
    hubs.settle();
    expect(hubs.read('consumer')).toEqual([{ type: 'error', details: 'No peer has the id producer.' }]);
    expect(hubs.hub('two').sessionCount).toBe(0);
  });

  it('counts for the limit of both, each at its own server', () => {
    const hubs = pair({ maxSessionsPerPeer: 1 });
    hubs.hub('two').connect('another');
    for (const peer of ['consumer', 'another']) {
      hubs.take(hubs.hub('two').handle(peer, { type: 'startSession', peerId: 'producer', offer: null }));
      hubs.settle();
    }
    expect(hubs.read('another')).toEqual([{ type: 'error', details: expect.stringContaining('producer is in 1 sessions') }]);
    hubs.take(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: null }));
    expect(hubs.read('consumer').at(-1)).toEqual({
      type: 'error',
      details: expect.stringContaining('consumer is in 1 sessions'),
    });
  });

  it('ends with the server of the other, whose peers are gone for everybody', () => {
    const hubs = pair();
    hubs.hub('two').connect('listener');
    hubs.hub('two').handle('listener', { type: 'setPeerStatus', roles: ['listener'], meta: null });
    hubs.take(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: null }));
    hubs.settle();
    hubs.sent.clear();
    hubs.kill('one');
    expect(hubs.read('consumer')).toEqual([{ type: 'endSession', sessionId: 's1' }]);
    expect(hubs.read('listener')).toEqual([
      { type: 'peerStatusChanged', roles: [], meta: { name: 'camera' }, peerId: 'producer' },
    ]);
    expect(hubs.hub('two').handle('consumer', { type: 'list' })[0]!.message).toEqual({ type: 'list', producers: [] });
    expect(hubs.hub('two').sessionCount).toBe(0);
  });

  it('that was only wanted yet ends with an error when the server of the other is gone', () => {
    const hubs = pair();
    hubs.take(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: null }));
    hubs.kill('one');
    expect(hubs.read('consumer')).toEqual([{ type: 'error', details: 'No peer has the id producer.' }]);
  });

  it('is not disturbed by a third server that comes and goes', () => {
    const hubs = pair();
    hubs.take(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: null }));
    hubs.settle();
    hubs.sent.clear();
    hubs.join('three');
    hubs.settle();
    hubs.hub('three').connect('reader');
    expect(hubs.hub('three').handle('reader', { type: 'list' })[0]!.message).toEqual({
      type: 'list',
      producers: [{ id: 'producer', meta: { name: 'camera' } }],
    });
    hubs.kill('three');
    expect([hubs.read('producer'), hubs.read('consumer')]).toEqual([[], []]);
    expect([hubs.hub('one').sessionCount, hubs.hub('two').sessionCount]).toEqual([1, 1]);
  });

  it('is not to be had across namespaces', () => {
    const hubs = new Hubs(['one', 'two']);
    const grants = { produce: true, consume: true, listen: true };
    hubs.hub('one').connect('producer', { ...grants, namespace: 'north' });
    hubs.hub('two').connect('consumer', { ...grants, namespace: 'south' });
    hubs.hub('one').handle('producer', { type: 'setPeerStatus', roles: ['producer'], meta: null });
    hubs.settle();
    expect(hubs.hub('two').handle('consumer', { type: 'list' })[0]!.message).toEqual({ type: 'list', producers: [] });
    expect(hubs.hub('two').handle('consumer', { type: 'startSession', peerId: 'producer', offer: null })).toEqual([
      { to: 'consumer', message: { type: 'error', details: 'No peer has the id producer.' } },
    ]);
  });
});
