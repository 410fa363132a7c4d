import { beforeAll, describe, expect, it } from 'vitest';
import { RTCDtlsTransport } from 'werift';
import { silentLogger } from '../../common/logger.ts';
import { type LocalCertificate, localCertificate } from './certificate.ts';
import { DtlsEndpoint, type SrtpKeys } from './dtls-endpoint.ts';
import type { Fingerprint } from './types.ts';

interface End {
  readonly keys: Promise<SrtpKeys>;
  readonly messages: string[];
  readonly failures: string[];
  closed: boolean;
  endpoint: DtlsEndpoint;
}

/** Decides what becomes of the nth datagram on the way: delivered, lost, or late by so many ms. */
type Network = (n: number) => 'deliver' | 'lose' | number;

let mine: LocalCertificate;
let other: LocalCertificate;

beforeAll(async () => {
  await DtlsEndpoint.prepare();
  mine = await localCertificate();
  // The shared certificate is made once a process; a second one is made past it.
  const statics = RTCDtlsTransport as unknown as { localCertificate?: unknown; localCertificatePromise?: unknown };
  const kept = { ...statics };
  statics.localCertificate = undefined;
  statics.localCertificatePromise = undefined;
  const certificate = await RTCDtlsTransport.SetupCertificate();
  Object.assign(statics, { localCertificate: kept.localCertificate, localCertificatePromise: kept.localCertificatePromise });
  const { algorithm, value } = certificate.getFingerprints()[0]!;
  const { certPem, privateKey, signatureHash } = certificate;
  other = { certPem, keyPem: privateKey, signatureHash, fingerprint: { algorithm, value } };
});

function pair(
  network: Network,
  certificates = { client: mine, server: mine },
  expected?: Fingerprint,
  watch: (role: 'client' | 'server', datagram: Buffer) => void = () => {},
): { client: End; server: End } {
  let n = 0;
  const ends = {} as { client: End; server: End };
  const make = (role: 'client' | 'server'): End => {
    const peer = role === 'client' ? 'server' : 'client';
    let resolve!: (keys: SrtpKeys) => void;
    const keys = new Promise<SrtpKeys>((done) => {
      resolve = done;
    });
    const end: End = { keys, messages: [], failures: [], closed: false, endpoint: undefined as never };
    end.endpoint = new DtlsEndpoint(
      {
        role,
        certificate: certificates[role],
        remoteFingerprints: [expected ?? certificates[peer].fingerprint],
        roundTripTime: 0.01,
        logger: silentLogger,
        send: (datagram) => {
          watch(role, datagram);
          const fate = network(n++);
          if (fate !== 'lose')
            setTimeout(() => ends[peer].endpoint.receive(Buffer.from(datagram)), fate === 'deliver' ? 0 : fate);
        },
      },
      {
        connected: resolve,
        data: (message) => end.messages.push(message.toString()),
        closed: () => {
          end.closed = true;
        },
        failed: (reason) => end.failures.push(reason.message),
      },
    );
    return end;
  };
  ends.client = make('client');
  ends.server = make('server');
  ends.client.endpoint.start();
  ends.server.endpoint.start();
  return ends;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('DtlsEndpoint', () => {
  it('agrees on keys, carries messages and says goodbye', async () => {
    const { client, server } = pair(() => 'deliver');
    const [ofClient, ofServer] = await Promise.all([client.keys, server.keys]);
    expect(ofClient.profile).toBe('AEAD_AES_128_GCM');
    expect(ofClient.localKey).toEqual(ofServer.remoteKey);
    expect(ofClient.remoteSalt).toEqual(ofServer.localSalt);
    expect(ofClient.localKey).not.toEqual(ofClient.remoteKey);
    for (let i = 0; i < 20; i++) client.endpoint.send(Buffer.from(`${i}`));
    server.endpoint.send(Buffer.from('hello'));
    await until(() => server.messages.length === 20 && client.messages.length === 1);
    expect(server.messages).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    client.endpoint.close();
    await until(() => server.closed);
    expect(client.closed).toBe(false);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('gets through a network that loses a quarter and mixes the rest (seed %i)', async (start) => {
    let seed = start;
    const network: Network = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const roll = (seed >>> 8) % 100;
      return roll < 25 ? 'lose' : roll < 60 ? roll % 20 : 'deliver';
    };
    const { client, server } = pair(network);
    const [ofClient, ofServer] = await Promise.all([client.keys, server.keys]);
    expect(ofClient.localKey).toEqual(ofServer.remoteKey);
    client.endpoint.close();
    server.endpoint.close();
  });

  it('never gives a number to two records, which would repeat a nonce', async () => {
    const numbers: Record<string, string[]> = {};
    let n = 0;
    const { client, server } = pair(
      () => (n++ % 3 === 1 ? 'lose' : 'deliver'),
      undefined,
      undefined,
      (role, datagram) => {
        for (let at = 0; at < datagram.length; at += 13 + datagram.readUInt16BE(at + 11)) {
          (numbers[role] ??= []).push(datagram.toString('hex', at + 3, at + 11));
        }
      },
    );
    await Promise.all([client.keys, server.keys]);
    for (let i = 0; i < 50; i++) {
      client.endpoint.send(Buffer.from('x'));
      server.endpoint.send(Buffer.from('y'));
    }
    for (const role of ['client', 'server']) {
      expect(numbers[role]!.length).toBeGreaterThan(50);
      expect(new Set(numbers[role]).size).toBe(numbers[role]!.length);
    }
    client.endpoint.close();
    server.endpoint.close();
  });

  it('takes each record once', async () => {
    const { client, server } = pair(() => 'deliver');
    await Promise.all([client.keys, server.keys]);
    const receive = server.endpoint.receive.bind(server.endpoint);
    server.endpoint.receive = (datagram) => {
      receive(Buffer.from(datagram));
      receive(Buffer.from(datagram));
    };
    client.endpoint.send(Buffer.from('once'));
    client.endpoint.send(Buffer.from('end'));
    await until(() => server.messages.includes('end'));
    expect(server.messages).toEqual(['once', 'end']);
    client.endpoint.close();
  });

  it('refuses a client and a server that show a certificate whose key they do not have', async () => {
    const stolen: LocalCertificate = { ...other, certPem: mine.certPem, fingerprint: mine.fingerprint };
    const badServer = pair(() => 'deliver', { client: mine, server: stolen });
    await until(() => badServer.client.failures.length === 1);
    expect(badServer.client.failures[0]).toMatch(/does not hold the key/);
    badServer.server.endpoint.close();
    const badClient = pair(() => 'deliver', { client: stolen, server: mine });
    await until(() => badClient.server.failures.length === 1);
    expect(badClient.server.failures[0]).toMatch(/does not hold the key/);
    await until(() => badClient.client.failures.length === 1);
    expect(badClient.client.failures[0]).toMatch(/alert 42/);
  });

  it('refuses a certificate that is not the one described', async () => {
    const { client, server } = pair(() => 'deliver', { client: mine, server: other }, mine.fingerprint);
    await until(() => client.failures.length === 1);
    expect(client.failures[0]).toMatch(/fingerprint/);
    server.endpoint.close();
  });
});
