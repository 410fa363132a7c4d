/** The state machine alone: what needs no socket, and what must hold for any sequence of events. */
import type { ClientMessage, ServerMessage } from '@tswebrtc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SignallingHub } from './hub.ts';
import { event, names } from './hub-events.testing.ts';

describe('peers the hub does not know', () => {
  const hub = new SignallingHub();
  hub.connect('p');
  hub.handle('p', { type: 'setPeerStatus', roles: ['producer'], meta: null });

  it.each<[string, ClientMessage]>([
    ['E1: status', { type: 'setPeerStatus', roles: ['producer'], meta: null }],
    ['E1: version', { type: 'setProtocolVersion', version: 'v1_1' }],
    ['E4 (behaviour 19): session', { type: 'startSession', peerId: 'p', offer: null }],
    ['E4: session, both unknown, names the requester', { type: 'startSession', peerId: 'q', offer: null }],
  ])('%s is refused, naming the peer', (_, message) => {
    expect(hub.handle('ghost', message)).toEqual([
      { to: 'ghost', message: { type: 'error', details: expect.stringContaining('ghost') } },
    ]);
  });

  it('may list (behaviour 2)', () => {
    expect(hub.handle('ghost', { type: 'list' })).toEqual([
      { to: 'ghost', message: { type: 'list', producers: [{ id: 'p', meta: null }] } },
    ]);
  });

  it('are not disconnected twice', () => {
    expect(hub.disconnect('ghost')).toEqual([]);
  });
});

describe('a departure', () => {
  it('ends the produced sessions, then the consumed ones, then tells the listeners', () => {
    let ids = 0;
    const hub = new SignallingHub({ createId: () => `s${++ids}` });
    for (const id of ['a', 'b', 'c']) hub.connect(id);
    hub.handle('a', { type: 'setPeerStatus', roles: ['producer'], meta: 'A' });
    hub.handle('b', { type: 'setPeerStatus', roles: ['producer', 'listener'], meta: null });
    hub.handle('a', { type: 'startSession', peerId: 'b', offer: null });
    hub.handle('c', { type: 'startSession', peerId: 'a', offer: null });
    expect(hub.disconnect('a')).toEqual([
      { to: 'c', message: { type: 'endSession', sessionId: 's2' } },
      { to: 'b', message: { type: 'endSession', sessionId: 's1' } },
      { to: 'b', message: { type: 'peerStatusChanged', roles: [], meta: 'A', peerId: 'a' } },
    ]);
  });
});

describe('any sequence of events', () => {
  it('each party of a session hears of its start once, and of its end once unless it ended it or is gone', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let ids = 0;
        const hub = new SignallingHub({ createId: () => `s${++ids}` });
        const connected = new Set<string>();
        /** The sessions each peer believes in, by the messages it got and sent. */
        const believed = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
        const take = (to: string, said: ServerMessage, sender: string): void => {
          expect(connected.has(to) || said.type === 'error' || to === sender).toBe(true);
          const sessions = believed.get(to)!;
          if (said.type === 'sessionStarted') sessions.add(said.sessionId);
          // A peer in session with itself hears of everything as both parties.
          if (said.type === 'startSession') sessions.add(said.sessionId);
          if (said.type === 'endSession' || said.type === 'endSessionV1_1') expect(sessions.delete(said.sessionId)).toBe(true);
          if (said.type === 'peer') expect(sessions.has(said.sessionId)).toBe(true);
        };
        for (const step of events) {
          if (step.kind === 'connect') {
            if (connected.has(step.peer)) continue;
            connected.add(step.peer);
            expect(hub.connect(step.peer)).toEqual([{ to: step.peer, message: { type: 'welcome', peerId: step.peer } }]);
          } else if (step.kind === 'disconnect') {
            connected.delete(step.peer);
            believed.get(step.peer)!.clear();
            for (const { to, message: said } of hub.disconnect(step.peer)) take(to, said, '');
          } else {
            if (!connected.has(step.peer)) continue;
            const outgoing = hub.handle(step.peer, step.message);
            for (const { to, message: said } of outgoing) take(to, said, step.peer);
            const ends = step.message.type === 'endSession' || step.message.type === 'endSessionV1_1';
            if (ends && !outgoing.some(({ message: { type } }) => type === 'error'))
              believed.get(step.peer)!.delete((step.message as { sessionId: string }).sessionId);
            if (step.message.type === 'setPeerStatus' && !outgoing.some(({ message: { type } }) => type === 'error'))
              // Who gives up a role knows which of its sessions that ends: those its other party was just told of.
              for (const { message: said } of outgoing) if ('sessionId' in said) believed.get(step.peer)!.delete(said.sessionId);
          }
          const open = new Set([...believed.values()].flatMap((sessions) => [...sessions]));
          expect(hub.sessionCount).toBe(open.size);
          expect(hub.peerCount).toBe(connected.size);
        }
        for (const name of connected) hub.disconnect(name);
        expect([hub.peerCount, hub.sessionCount]).toEqual([0, 0]);
      }),
      { seed: 4, numRuns: 1000 },
    );
  });
});
