import { describe, expect, it } from 'vitest';
import { createAnswer } from './answer.ts';
import { MID_URI, REPAIRED_RID_URI, RID_URI } from './local-media.ts';
import { negotiate } from './negotiate.ts';
import { parseDescription } from './read.ts';
import { media, offerOf, REMOTE_TRANSPORT, VP8, video } from './session.testing.ts';
import { parseSimulcast, simulcastText } from './simulcast.ts';
import { writeDescription } from './write.ts';

const ours = offerOf([media({ ...video([VP8]), simulcast: 3 })]);

/** A receiver's answer to our offer, with these lines about encodings. */
function answered(...lines: string[]) {
  const { description: offer } = ours;
  const sections = [video([VP8], 'recvonly')];
  const text = writeDescription(createAnswer({ offer, transport: REMOTE_TRANSPORT, sections }));
  const answer = parseDescription(text.replace('a=mid:video0', [...lines, 'a=mid:video0'].join('\r\n')));
  return negotiate(offer, answer, 'remote')[0]!;
}

/** What we answer a receiver that offers to take these, and what we agree on. */
function answerTo(lines: string[], most = 3, names = [MID_URI, RID_URI, REPAIRED_RID_URI]) {
  const { text } = offerOf([media(video([VP8], 'recvonly'))]);
  const extensions = names.map((uri, index) => `a=extmap:${7 + index} ${uri}`);
  const offer = parseDescription(text.replace('a=mid:video0', [...extensions, ...lines, 'a=mid:video0'].join('\r\n')));
  const sections = [{ ...video([VP8], 'sendonly'), simulcast: most }];
  const answer = createAnswer({ offer, transport: REMOTE_TRANSPORT, sections });
  return { answer: writeDescription(answer).split('\r\n'), agreed: negotiate(answer, offer, 'local')[0]! };
}

describe('an offer of several encodings', () => {
  it('names each, says that they are sent at once, and how packets tell them apart', () => {
    for (const line of [
      'a=rid:h send',
      'a=rid:m send',
      'a=rid:l send',
      'a=simulcast:send h;m;l',
      `a=extmap:5 ${MID_URI}`,
      `a=extmap:6 ${RID_URI}`,
      `a=extmap:7 ${REPAIRED_RID_URI}`,
    ]) {
      expect(ours.lines).toContain(line);
    }
    expect(writeDescription(parseDescription(ours.text))).toBe(ours.text);
    expect(offerOf([media({ ...video([VP8]), simulcast: 2 })]).lines).toContain('a=simulcast:send h;l');
  });

  it('is not made where one was asked for, or nothing is sent', () => {
    for (const local of [video([VP8]), { ...video([VP8]), simulcast: 1 }, { ...video([VP8], 'recvonly'), simulcast: 3 }]) {
      expect(offerOf([media(local)]).text).not.toMatch(/simulcast|a=rid|sdes/);
    }
  });

  it('comes to what the answer takes of them', () => {
    const rid = (...ids: string[]) => ids.map((id) => `a=rid:${id} recv`);
    expect(answered(...rid('h', 'm', 'l'), 'a=simulcast:recv l;m;h').rids).toEqual(['h', 'm', 'l']);
    expect(answered(...rid('h', 'l'), 'a=simulcast:recv h;l').rids).toEqual(['h', 'l']);
    expect(answered(...rid('h', 'm', 'l'), 'a=simulcast:recv ~h;m;l,h2').rids).toEqual(['m', 'l']);
    expect(answered(...rid('x'), 'a=simulcast:recv x').rids).toEqual([]);
    expect(answered()).toMatchObject({ accepted: true, rids: [], codec: { name: 'VP8' } });
  });
});

describe('an answer to an offer to receive several', () => {
  it('sends them under the names and numbers of the offer, the largest first', () => {
    const { answer, agreed } = answerTo(['a=rid:q recv', 'a=rid:h recv', 'a=rid:f recv', 'a=simulcast:recv q;h;f']);
    for (const line of ['a=rid:f send', 'a=rid:h send', 'a=rid:q send', 'a=simulcast:send f;h;q', `a=extmap:8 ${RID_URI}`]) {
      expect(answer).toContain(line);
    }
    expect(agreed).toMatchObject({ rids: ['f', 'h', 'q'], extensions: { mid: 7, rid: 8, repairedRid: 9 } });
  });

  it('takes names that say nothing in the order of preference, and no more than it has', () => {
    expect(answerTo(['a=simulcast:recv r0;r1;r2']).agreed.rids).toEqual(['r0', 'r1', 'r2']);
    expect(answerTo(['a=simulcast:recv r0;r1;r2'], 2).agreed.rids).toEqual(['r0', 'r1']);
  });

  it('sends one where packets could not be told apart, or one is all there is', () => {
    const wanted = ['a=simulcast:recv f;h;q'];
    for (const { answer, agreed } of [
      answerTo(wanted, 3, [MID_URI]),
      answerTo(wanted, 1),
      answerTo(['a=simulcast:recv f']),
      answerTo(['a=simulcast:recv largest;smallest']),
      answerTo(['a=simulcast:send f;h;q']),
    ]) {
      expect(answer.join()).not.toContain('simulcast');
      expect(agreed).toMatchObject({ accepted: true, rids: [] });
    }
  });
});

it('reads and writes both directions, alternatives and pauses, and leaves out what makes no sense', () => {
  const text = 'send h;~m,n;l recv 1;2';
  expect(simulcastText(parseSimulcast(text)!)).toBe(text);
  for (const wrong of [
    '',
    'send',
    'recv a;;b',
    'send a send b',
    'both a;b',
    'send a b',
    `send ${Array(17).fill('a').join(';')}`,
  ]) {
    expect(parseSimulcast(wrong), wrong).toBeUndefined();
  }
});
