import type { ControlResponseMessage, InfoMessage } from '@tswebrtc/protocol';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { installBrowser } from '../browser.testing.ts';
import type { ConsumerSession } from '../consumer-session.ts';
import { RemoteController } from './remote-controller.ts';

class FakeChannel extends EventTarget {
  readyState = 'open';
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 'closed';
  }
  receive(data: string): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

let channel: FakeChannel;
let controller: RemoteController;
const errors: string[] = [];

beforeEach(() => {
  installBrowser();
  channel = new FakeChannel();
  controller = new RemoteController(channel as unknown as RTCDataChannel, {} as ConsumerSession);
  errors.length = 0;
  controller.addEventListener('error', ({ message }) => errors.push(message));
});

describe('a remote controller', () => {
  it('numbers requests from 0, whether they are objects or JSON', () => {
    const wanted = { type: 'customUpstreamEvent', structureName: 'a', structure: { b: 1 } } as const;
    expect(controller.sendControlRequest(wanted)).toBe(0);
    expect(controller.sendControlRequest(JSON.stringify(wanted))).toBe(1);
    expect(channel.sent).toEqual([
      { id: 0, mid: null, request: wanted },
      { id: 1, request: JSON.stringify(wanted) },
    ]);
  });

  it('says what cannot be sent, and uses up no id for it', () => {
    channel.readyState = 'connecting';
    expect(controller.sendControlRequest('{}')).toBe(-1);
    channel.readyState = 'open';
    expect(controller.sendControlRequest(5 as unknown as string)).toBe(-1);
    expect(errors).toHaveLength(2);
    expect(controller.sendControlRequest('{}')).toBe(0);
  });

  it('tells answers and infos, ignores what it does not know, and reports what cannot be read', () => {
    const heard: unknown[] = [];
    controller.addEventListener('controlResponse', ({ detail }) => heard.push(detail satisfies ControlResponseMessage));
    controller.addEventListener('info', ({ detail }) => heard.push(detail satisfies InfoMessage));
    const response = { type: 'ControlResponseMessage', id: 0, error: null };
    const time = {
      hours: 1,
      minutes: 2,
      seconds: 3,
      frames: 4,
      field_count: 0,
      fps: [25, 1],
      flags: 'none',
      latest_daily_jam: null,
    };
    const info = { type: 'InfoMessage', mid: 'video0', info: { meta: { type: 'timeCode', ...time } } };
    for (const message of [response, { type: 'Weather' }, info]) channel.receive(JSON.stringify(message));
    channel.receive('not json');
    channel.receive('{"type":"ControlResponseMessage","id":"zero"}');
    expect(heard).toEqual([response, info]);
    expect(errors).toHaveLength(2);
  });

  it('takes back the tabindex that it gave, and leaves one that the page gave', () => {
    class Video extends EventTarget {
      readonly attributes = new Map<string, string>();
      hasAttribute = (name: string): boolean => this.attributes.has(name);
      setAttribute = (name: string, value: string): unknown => this.attributes.set(name, value);
      removeAttribute = (name: string): unknown => this.attributes.delete(name);
    }
    vi.stubGlobal('HTMLVideoElement', Video);
    const [bare, own] = [new Video(), new Video()];
    own.setAttribute('tabindex', '-1');
    const attach = (video: Video): void => controller.attachVideoElement(video as unknown as HTMLVideoElement);
    attach(bare);
    expect(bare.attributes.get('tabindex')).toBe('0');
    attach(own);
    expect(bare.hasAttribute('tabindex')).toBe(false);
    controller.attachVideoElement(null);
    expect(own.attributes.get('tabindex')).toBe('-1');
    vi.unstubAllGlobals();
  });

  it('is closed with its channel, once', () => {
    let closed = 0;
    controller.addEventListener('closed', () => closed++);
    channel.dispatchEvent(new Event('close'));
    controller.close();
    expect(closed).toBe(1);
    expect(controller.rtcDataChannel).toBeNull();
  });
});
