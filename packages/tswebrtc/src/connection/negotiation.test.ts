/** Taking an offer back (RFC 8829 §4.1.10.2), for two that cross. No network: descriptions alone. */
import { describe, expect, it } from 'vitest';
import { OPUS, REMOTE_TRANSPORT, TRANSPORT, VP8 } from '../sdp/session.testing.ts';
import { Negotiation } from './negotiation.ts';
import { Transceiver } from './transceiver.ts';
import type { TransceiverInit } from './types.ts';

const PICTURE: TransceiverInit = { kind: 'video', direction: 'sendonly', codecs: [VP8] };
const SOUND: TransceiverInit = { kind: 'audio', direction: 'sendonly', codecs: [OPUS] };
const RESTART = { ...TRANSPORT, usernameFragment: 'restart1' };

class Side {
  readonly states: string[] = [];
  readonly negotiation = new Negotiation({ cname: 'c', dataChannels: true, onStateChange: (state) => this.states.push(state) });
  readonly transceivers: Transceiver[] = [];

  add(init: TransceiverInit): Transceiver {
    const transceiver = new Transceiver(init);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  offer(application = false, transport = TRANSPORT) {
    const offer = this.negotiation.createOffer(this.transceivers, application, transport);
    this.negotiation.setLocal(offer);
    return offer;
  }

  answer(offer: ReturnType<Side['offer']>) {
    this.negotiation.setRemote(offer);
    const answer = this.negotiation.createAnswer(this.transceivers, REMOTE_TRANSPORT, undefined);
    this.negotiation.setLocal(answer);
    return answer;
  }
}

/** A producer of a picture and its consumer, agreed. */
function agreed() {
  const [producer, consumer] = [new Side(), new Side()];
  producer.add(PICTURE);
  consumer.add({ ...PICTURE, direction: 'recvonly' });
  producer.negotiation.setRemote(consumer.answer(producer.offer()));
  return { producer, consumer };
}

const ufragOf = ({ negotiation }: Side) => negotiation.local?.description.media[0]?.usernameFragment;

describe('an offer that is taken back', () => {
  it('leaves what was agreed in force, and the session stable', () => {
    const { consumer } = agreed();
    const before = consumer.negotiation.local;
    consumer.offer(false, RESTART);
    expect(ufragOf(consumer)).toBe('restart1');
    consumer.negotiation.rollback();
    expect(consumer.negotiation.local).toBe(before);
    expect(consumer.states.slice(-2)).toEqual(['have-local-offer', 'stable']);
  });

  it('makes room for the offer that crossed it, in which everything keeps its place', () => {
    const { producer, consumer } = agreed();
    consumer.offer(false, RESTART);
    producer.add(SOUND);
    const sound = consumer.add({ ...SOUND, direction: 'recvonly' });
    const offer = producer.offer();
    expect(() => consumer.negotiation.setRemote(offer)).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    consumer.negotiation.rollback();
    const agreement = producer.negotiation.setRemote(consumer.answer(offer));
    expect(agreement?.media.map(({ accepted, codec }) => [accepted, codec?.name])).toEqual([
      [true, 'VP8'],
      [true, 'opus'],
    ]);
    expect(sound.mid).toBe('audio1');
    expect([producer.negotiation.state, consumer.negotiation.state]).toEqual(['stable', 'stable']);
  });

  it('frees the transceivers and data channels of its new m-lines, which another offer may have otherwise', () => {
    const { producer, consumer } = agreed();
    const ours = consumer.add({ ...SOUND, direction: 'recvonly' });
    consumer.offer(true);
    expect(ours.mid).toBe('audio1');
    consumer.negotiation.rollback();
    expect(ours.mid).toBeUndefined();

    producer.add(PICTURE);
    producer.add(SOUND);
    consumer.add({ ...PICTURE, direction: 'recvonly' });
    producer.negotiation.setRemote(consumer.answer(producer.offer()));
    expect(consumer.negotiation.local?.description.media.map(({ kind }) => kind)).toEqual(['video', 'video', 'audio']);
    expect(ours.mid).toBe('audio2');
    // What both sides agreed on in the meantime is not taken back with a later offer.
    consumer.offer(true);
    consumer.negotiation.rollback();
    expect(ours.mid).toBe('audio2');
  });

  it('must be one that waits for its answer, with something agreed before it', () => {
    const { consumer } = agreed();
    expect(() => consumer.negotiation.rollback()).toThrow(/there is none of ours/);
    const first = new Side();
    first.add(PICTURE);
    first.offer();
    expect(() => first.negotiation.rollback()).toThrow(/wait for its answer/);
    expect(first.negotiation.state).toBe('have-local-offer');
  });
});
