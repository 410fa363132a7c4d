import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeControlRequest,
  encodeControlResponse,
  encodeInfo,
  encodeNavigation,
  modifiersOf,
  parseControlProducerMessage,
  parseControlRequest,
  parseNavigation,
  structureFault,
} from '../index.ts';

const keyPress = { event: 'KeyPress', key: 'a', modifier_state: '' } as const;
const request = (fields: object): string => JSON.stringify({ id: 7, ...fields });
const navigation = (event: object): string => request({ request: { type: 'navigationEvent', event } });

describe('a control request', () => {
  it('is read as the reference writes it, its mid given, null or absent', () => {
    const wanted = { type: 'navigationEvent', event: keyPress };
    for (const [text, mid] of [
      [request({ mid: 'video0', request: wanted }), 'video0'],
      [request({ mid: null, request: wanted }), null],
      [request({ request: wanted }), null],
      [request({ request: JSON.stringify(wanted) }), null],
    ] as const) {
      expect(parseControlRequest(text)).toEqual({ ok: true, message: { id: 7, mid, request: wanted } });
    }
  });

  it('survives the way there', () => {
    const message = {
      id: 0,
      mid: null,
      request: { type: 'customUpstreamEvent', structureName: 'a/b', structure: { on: false, list: ['x', 'y'] } },
    } as const;
    expect(parseControlRequest(encodeControlRequest(message))).toEqual({ ok: true, message });
  });

  it('keeps ids exact up to 2^64 - 1, and has none beyond', () => {
    const withId = (id: string): string =>
      `{"request":{"id":1,"type":"navigationEvent","event":${JSON.stringify(keyPress)}},"id":${id}}`;
    const found = parseControlRequest(withId('18446744073709551615'));
    expect(found).toMatchObject({ ok: true, message: { id: 18446744073709551615n } });
    expect(encodeControlResponse(18446744073709551615n, null)).toBe(
      '{"type":"ControlResponseMessage","id":18446744073709551615,"error":null}',
    );
    for (const id of ['18446744073709551616', '-1', '1.5', '"1"', 'null']) {
      expect(parseControlRequest(withId(id))).toMatchObject({ ok: false, id: undefined });
    }
  });

  it.each([
    [{ event: 'MouseMove', x: 1, modifier_state: '' }, '"y"'],
    [{ event: 'MouseMove', x: 1, y: 2 }, '"modifier_state"'],
    [{ event: 'MouseMove', x: 1, y: 2, modifier_state: 'fn-mask' }, '"modifier_state"'],
    [{ event: 'MouseButtonPress', x: 1, y: 2, button: 1.5, modifier_state: '' }, '"button"'],
    [{ event: 'TouchDown', identifier: -1, x: 1, y: 2, pressure: 1, modifier_state: '' }, '"identifier"'],
    [{ event: 'Dance', modifier_state: '' }, 'no navigation event'],
  ])('with the event %j is refused by naming %s, under its id', (event, named) => {
    const result = parseControlRequest(navigation(event));
    expect(result).toMatchObject({ ok: false, id: 7 });
    expect(!result.ok && result.reason).toContain(named);
  });

  it('takes double clicks and modifiers one by one', () => {
    const event = { event: 'MouseDoubleClick', x: 1, y: 2, button: 1, modifier_state: 'shift-mask+button1-mask' } as const;
    expect(parseControlRequest(navigation(event))).toMatchObject({ ok: true, message: { request: { event } } });
    expect(modifiersOf(event)).toEqual(['shift-mask', 'button1-mask']);
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"id":1,"request":${json}}`),
        ),
        (text) => {
          expect(parseControlRequest(text)).toHaveProperty('ok');
          expect(parseNavigation(text)).toHaveProperty('ok');
          expect(parseControlProducerMessage(text)).toHaveProperty('ok');
        },
      ),
    );
  });
});

describe('the structure of a custom event', () => {
  it.each([
    {},
    { a: 1, b: -1, c: 1.5, d: 'x', e: true, f: { g: [1, -2, 2.5] } },
    { a: ['x', 'y'], b: [[1], [2]], c: [{ d: 1 }, { d: 'x' }], e: [] },
    { a: [0xffff_ffff, 2 ** 63] },
  ])('%j can be converted', (structure) => expect(structureFault(structure)).toBeUndefined());

  it.each([
    [null, 'no JSON object'],
    [[], 'no JSON object'],
    [{ a: null }, '"a" that is null'],
    [{ a: { b: null } }, '"b" that is null'],
    [{ a: [1, null] }, 'null'],
    [{ a: [1, true] }, 'different kinds'],
    [{ a: [1, 'x'] }, 'different kinds'],
    [{ a: [1, [2]] }, 'different kinds'],
    [{ a: [-1, 2 ** 63] }, 'no integer type'],
    [{ a: [[-1], [2 ** 63]] }, 'no integer type'],
  ])('%j cannot: %s', (structure, why) => expect(structureFault(structure)).toContain(why));
});

describe('the other messages', () => {
  it('of the input channel have the mid among the fields of the event', () => {
    const text = encodeNavigation({ mid: 'video0', event: keyPress });
    expect(JSON.parse(text)).toEqual({ mid: 'video0', ...keyPress });
    expect(parseNavigation(text)).toEqual({ ok: true, message: { mid: 'video0', event: keyPress } });
    expect(parseNavigation(JSON.stringify(keyPress))).toEqual({ ok: true, message: { mid: null, event: keyPress } });
  });

  it('of a producer are responses and infos; others are ignored', () => {
    const info = {
      type: 'InfoMessage',
      mid: 'video0',
      info: {
        meta: {
          type: 'timeCode',
          hours: 1,
          minutes: 2,
          seconds: 3,
          frames: 4,
          field_count: 0,
          fps: [30, 1],
          flags: 'none',
          latest_daily_jam: null,
        },
      },
    } as const;
    expect(parseControlProducerMessage(encodeInfo({ ...info, info: { meta: { ...info.info.meta, fps: [30, 1] } } }))).toEqual({
      ok: true,
      message: info,
    });
    expect(parseControlProducerMessage(encodeControlResponse(3, 'no'))).toEqual({
      ok: true,
      message: { type: 'ControlResponseMessage', id: 3, error: 'no' },
    });
    expect(parseControlProducerMessage('{"type":"Weather"}')).toEqual({ ok: true, message: undefined });
  });
});
