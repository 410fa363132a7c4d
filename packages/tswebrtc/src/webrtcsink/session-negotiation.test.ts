/** What a session offers and when, on a virtual clock: two connections without a network under them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../common/logger.ts';
import { Connection } from '../connection/connection.ts';
import { FakeTransport } from '../connection/fake-transport.testing.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import { VP8 } from '../sdp/session.testing.ts';
import type { SessionDescription } from '../signalling/signaller.ts';
import { SessionNegotiation } from './session-negotiation.ts';

const ANSWER_TIMEOUT = 30_000;

let srtpSender: NodeSrtpSender;
const connections: Connection[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  srtpSender = new NodeSrtpSender();
});
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
  srtpSender.close();
  vi.useRealTimers();
});

async function connect(): Promise<{ connection: Connection; transport: FakeTransport }> {
  const transport = new FakeTransport();
  const connection = await Connection.create({ srtpSender, createTransport: async () => transport });
  connections.push(connection);
  return { connection, transport };
}

/** A session's negotiation and its peer, which answers what it is given. */
async function negotiate() {
  const [{ connection, transport }, peer] = [await connect(), await connect()];
  connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
  peer.connection.addTransceiver({ kind: 'video', direction: 'recvonly', codecs: [VP8] });
  const offers: SessionDescription[] = [];
  const warnings: string[] = [];
  const onAgreed = vi.fn(async () => {});
  const onFailed = vi.fn();
  const negotiation = new SessionNegotiation({
    peerId: 'consumer',
    connection,
    answerTimeout: ANSWER_TIMEOUT,
    prepare: () => true,
    onDescription: (description) => offers.push(description),
    onAgreed,
    onFailed,
    logger: { ...silentLogger, warn: (_: object, message = '') => void warnings.push(message) },
  });
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1);
  const answerTo = async (offer: SessionDescription): Promise<SessionDescription> => {
    await peer.connection.setRemoteDescription(offer);
    const answer = await peer.connection.createAnswer();
    await peer.connection.setLocalDescription(answer);
    return answer;
  };
  const answer = async (): Promise<void> => {
    await negotiation.handleAnswer(await answerTo(offers.at(-1)!));
    await settle();
  };
  const restart = async (): Promise<void> => {
    connection.restartIce();
    negotiation.restart();
    await settle();
  };
  return { connection, transport, negotiation, offers, warnings, onAgreed, onFailed, settle, answer, answerTo, restart };
}

/** After the first offer and answer. */
async function agree() {
  const session = await negotiate();
  session.negotiation.offer();
  await session.settle();
  await session.answer();
  return session;
}

const ufragOf = (offer: SessionDescription | undefined): string | undefined => /a=ice-ufrag:(\S+)/.exec(offer?.sdp ?? '')?.[1];

describe('an ICE restart', () => {
  it('asked for while the offer of another waits for its answer follows that answer', async () => {
    const { connection, transport, offers, answer, restart } = await agree();
    await restart();
    await restart();
    await restart();
    expect(offers).toHaveLength(2);
    await answer();
    expect(offers).toHaveLength(3);
    await answer();
    expect(new Set(offers.map(ufragOf)).size).toBe(3);
    expect(transport.restarted).toHaveLength(2);
    expect([offers.length, connection.restartDue]).toEqual([3, false]);
  });

  it('asked for before anything is agreed on offers nothing twice', async () => {
    const { negotiation, offers, settle, answer, restart } = await negotiate();
    negotiation.offer();
    await settle();
    await restart();
    await answer();
    expect(offers).toHaveLength(1);
  });

  it('goes with an offer of tracks that comes after it', async () => {
    const { connection, negotiation, offers, answer, settle } = await agree();
    connection.restartIce();
    negotiation.offer();
    await settle();
    await answer();
    expect(offers).toHaveLength(2);
    expect(ufragOf(offers[1])).not.toBe(ufragOf(offers[0]));
  });

  it('that nobody answers is given up and ends nothing', async () => {
    const { connection, transport, negotiation, offers, warnings, onFailed, settle, answer, restart } = await agree();
    await restart();
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT - 10);
    expect([transport.cancelled, connection.signalingState]).toEqual([0, 'have-local-offer']);
    await vi.advanceTimersByTimeAsync(20);
    expect([transport.cancelled, connection.signalingState]).toEqual([1, 'stable']);
    expect(warnings).toEqual(['the consumer did not answer the offer of an ICE restart']);
    expect(onFailed).not.toHaveBeenCalled();
    // What is offered next is offered without it.
    negotiation.offer();
    await settle();
    await answer();
    expect(offers.map(ufragOf)).toEqual(['fake', 'fake1', 'fake']);
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT);
    expect(onFailed).not.toHaveBeenCalled();
  });

  it('that nobody answers does not keep tracks from being offered', async () => {
    const { negotiation, offers, restart } = await agree();
    await restart();
    negotiation.offer();
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT);
    expect(offers.map(ufragOf)).toEqual(['fake', 'fake1', 'fake']);
  });

  it('whose answer comes too late is still given up', async () => {
    const { negotiation, transport, offers, warnings, onAgreed, onFailed, answerTo, restart } = await agree();
    await restart();
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT);
    await negotiation.handleAnswer(await answerTo(offers.at(-1)!));
    expect(warnings.at(-1)).toBe('an answer of the consumer was ignored: no offer waits for one');
    expect([onAgreed.mock.calls.length, onFailed.mock.calls.length, transport.restarted.length]).toEqual([1, 0, 0]);
  });
});

describe('an offer of tracks', () => {
  it('that nobody answers is the end', async () => {
    const { negotiation, onFailed } = await agree();
    negotiation.offer();
    await vi.advanceTimersByTimeAsync(ANSWER_TIMEOUT + 10);
    expect(onFailed.mock.calls).toEqual([
      [
        expect.objectContaining({
          code: 'CONNECTION_FAILED',
          message: 'peer consumer did not answer the offer within 30 s.',
        }),
      ],
    ]);
  });
});

describe('a session that is closed', () => {
  it.each(['createOffer', 'setLocalDescription'] as const)('during %s sends nothing and leaves no timer', async (step) => {
    const { connection, negotiation, offers, onFailed, settle } = await negotiate();
    const original = connection[step].bind(connection) as (...args: unknown[]) => Promise<never>;
    vi.spyOn(connection, step).mockImplementation(async (...args: unknown[]) => {
      const result = await original(...args);
      negotiation.close();
      return result;
    });
    negotiation.offer();
    await settle();
    expect([offers.length, vi.getTimerCount()]).toEqual([0, 0]);
    expect(onFailed).not.toHaveBeenCalled();
  });

  it('while an answer is taken opens nothing', async () => {
    const { connection, negotiation, offers, onAgreed, settle, answerTo } = await negotiate();
    negotiation.offer();
    await settle();
    const answer = await answerTo(offers[0]!);
    await settle();
    connection.on('negotiated', () => negotiation.close());
    await negotiation.handleAnswer(answer);
    expect([onAgreed.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
