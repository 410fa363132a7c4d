import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Message, parseMessage } from 'werift';
import type { Address } from '../datagram-port.ts';
import { TurnClient, type TurnFailure } from './turn-client.ts';

const [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND] = [3, 4, 8, 9];
const PEER: Address = ['192.0.2.7', 5000];
const MEDIA = Buffer.from([0x80, 1, 2, 3, 4]);

/** A client and its clock; what it sends is answered by `answer`, with the ICE library's codec, or not at all. */
class Scene {
  now = 0;
  due: number | undefined;
  readonly sent: Buffer[] = [];
  readonly received: [data: string, from: Address][] = [];
  readonly failures: TurnFailure[] = [];
  relayed: Address | undefined;
  users = new Map([['user', 'secret']]);
  nonce = 'first';
  lifetime = 600;
  answering = true;
  /** Answers that have not arrived yet, where they are held back. */
  held: Buffer[] | undefined;
  readonly client: TurnClient;

  constructor(stream = false) {
    this.client = new TurnClient({ username: 'user', credential: 'secret' }, stream, {
      send: (frame) => {
        this.sent.push(frame);
        const response = this.#answer(frame);
        if (response && this.held) this.held.push(response);
        else if (response) this.client.receive(response, this.now);
      },
      data: (data, from) => void this.received.push([data.toString('hex'), from]),
      allocated: (relayed) => {
        this.relayed = relayed;
      },
      failed: (failure) => void this.failures.push(failure),
      schedule: (time) => {
        this.due = time;
      },
    });
    this.client.allocate(0);
  }

  /** Requests of this method so far. */
  count(method: number): number {
    return this.sent.filter((frame) => frame.readUInt16BE(0) === method).length;
  }

  /** Lets the time pass, s. */
  pass(seconds: number): void {
    const until = this.now + seconds * 1000;
    while (this.due !== undefined && this.due <= until) {
      this.now = Math.max(this.now, this.due);
      this.due = undefined;
      this.client.advance(this.now);
    }
    this.now = until;
  }

  #answer(frame: Buffer): Buffer | undefined {
    const request = parseMessage(frame);
    if (!this.answering || !request || (frame.readUInt16BE(0) & 0x0110) !== 0) return undefined;
    const respond = (kind: number, attributes: readonly [string, unknown][], key?: Buffer): Buffer => {
      const response = new Message(request.messageMethod, kind, request.transactionId);
      for (const [name, value] of attributes) response.setAttribute(name as 'REALM', value as string);
      if (key) response.addMessageIntegrity(key);
      return response.addFingerprint().bytes;
    };
    const challenge = (code: number): Buffer =>
      respond(0x110, [
        ['ERROR-CODE', [code, 'no']],
        ['REALM', 'realm'],
        ['NONCE', Buffer.from(this.nonce)],
      ]);
    const username = request.getAttributeValue('USERNAME') as string | undefined;
    const key = createHash('md5')
      .update(`${username}:realm:${this.users.get(username ?? '')}`)
      .digest();
    if (!this.users.has(username ?? '') || !parseMessage(frame, key)) return challenge(401);
    if (String(request.getAttributeValue('NONCE')) !== this.nonce) return challenge(438);
    const granted: [string, unknown][] = [['LIFETIME', this.lifetime]];
    if (request.messageMethod === ALLOCATE)
      granted.push(['XOR-RELAYED-ADDRESS', ['2001:db8::5', 40_000]], ['XOR-MAPPED-ADDRESS', ['203.0.113.4', 999]]);
    return respond(0x100, granted, key);
  }
}

describe('an allocation', () => {
  it('is made with the credentials that the server asks for', () => {
    const scene = new Scene();
    expect(scene.relayed).toEqual(['2001:db8::5', 40_000]);
    expect(scene.count(ALLOCATE)).toBe(2);
  });

  it('is refreshed before it ends, also with a nonce that has grown old', () => {
    const scene = new Scene();
    scene.nonce = 'second';
    scene.pass(3600);
    expect(scene.failures).toEqual([]);
    // Every 540 s; the first one twice.
    expect(scene.count(REFRESH)).toBe(7);
  });

  it('goes on with newer credentials when its own are refused', () => {
    const scene = new Scene();
    scene.users = new Map([['newer', 'other']]);
    scene.client.setCredentials({ username: 'newer', credential: 'other' });
    scene.pass(1200);
    expect(scene.failures).toEqual([]);
    expect(scene.client.ended).toBe(false);
  });

  it('goes on with newer credentials for all that was on its way when its own were refused', () => {
    const scene = new Scene();
    scene.users = new Map([['newer', 'other']]);
    scene.client.setCredentials({ username: 'newer', credential: 'other' });
    const held: Buffer[] = (scene.held = []);
    // Asks for a permission and for a channel.
    scene.client.send(MEDIA, PEER, 0);
    expect(held).toHaveLength(2);
    scene.held = undefined;
    for (const refusal of held) scene.client.receive(refusal, 0);
    scene.client.send(MEDIA, PEER, 0);
    expect(scene.sent.at(-1)!.toString('hex')).toBe(`40000005${MEDIA.toString('hex')}`);
  });

  it('is used to its end when it cannot be refreshed', () => {
    const scene = new Scene();
    scene.users.clear();
    scene.pass(541);
    expect(scene.failures).toEqual([{ reason: 'the credentials were refused (401)', expiresAt: 600_000 }]);
    scene.client.send(MEDIA, PEER, scene.now);
    expect(scene.client.ended).toBe(false);
    scene.pass(60);
    expect(scene.client.ended).toBe(true);
    const before = scene.sent.length;
    scene.client.send(MEDIA, PEER, scene.now);
    expect(scene.sent).toHaveLength(before);
  });

  it('on a server that says nothing is given up after 3 s and 4 requests, over TCP 1 request', () => {
    for (const stream of [false, true]) {
      const silent = new Scene(stream);
      silent.answering = false;
      silent.client.probe(0);
      silent.pass(2.9);
      expect(silent.failures).toEqual([]);
      silent.pass(0.2);
      expect(silent.failures[0]?.reason).toBe('no answer');
      expect(silent.count(REFRESH)).toBe(stream ? 1 : 4);
    }
  });

  it('believes no answer that another than the server has made', () => {
    const scene = new Scene();
    scene.answering = false;
    scene.client.probe(0);
    const request = parseMessage(scene.sent.at(-1)!)!;
    const forged = new Message(REFRESH!, 0x100, request.transactionId).setAttribute('LIFETIME', 600);
    scene.client.receive(forged.addMessageIntegrity(Buffer.from('a wrong key')).bytes, 1);
    scene.client.receive(forged.bytes, 1);
    scene.pass(4);
    expect(scene.failures).toHaveLength(1);
  });

  it('survives whatever comes from the server', () => {
    const scene = new Scene();
    const good = new Message(7, 0x10).setAttribute('XOR-PEER-ADDRESS', [...PEER]).setAttribute('DATA', MEDIA).bytes;
    for (let cut = 0; cut < good.length; cut++) {
      scene.client.receive(good.subarray(0, cut), 0);
      const bent = Buffer.from(good);
      bent[cut]! ^= 0xff;
      scene.client.receive(bent, 0);
    }
    scene.received.length = 0;
    scene.client.receive(good, 0);
    expect(scene.received).toEqual([[MEDIA.toString('hex'), PEER]]);
  });
});

describe('a peer', () => {
  it('gets a permission with the first check, and a channel with the first other datagram', () => {
    const scene = new Scene();
    scene.client.send(Buffer.from([0, 1, 0, 0]), PEER, 0);
    expect([scene.count(CREATE_PERMISSION!), scene.count(CHANNEL_BIND!)]).toEqual([1, 0]);
    scene.client.send(MEDIA, PEER, 0);
    expect([scene.count(CREATE_PERMISSION!), scene.count(CHANNEL_BIND!)]).toEqual([1, 1]);
    scene.client.send(MEDIA, PEER, 0);
    expect(scene.sent.at(-1)).toEqual(Buffer.concat([Buffer.from([0x40, 0, 0, MEDIA.length]), MEDIA]));
    scene.client.receive(scene.sent.at(-1)!, 0);
    expect(scene.received.at(-1)).toEqual([MEDIA.toString('hex'), PEER]);
  });

  it('keeps both for as long as the allocation lives', () => {
    const scene = new Scene();
    scene.client.send(MEDIA, PEER, 0);
    scene.pass(3600);
    // RFC 8656: permissions last for 300 s and channels for 600 s.
    expect(scene.count(CREATE_PERMISSION!)).toBe(16);
    expect(scene.count(CHANNEL_BIND!)).toBe(16);
  });

  it('over TCP gets frames of whole words', () => {
    const scene = new Scene(true);
    scene.client.send(MEDIA, PEER, 0);
    scene.client.send(MEDIA, PEER, 0);
    expect(scene.sent.at(-1)).toHaveLength(12);
  });
});
