/** W3C statistics of a transport (webrtc-stats §8.9 and after): transport, candidate pairs, candidates, certificates. */
import { createHash } from 'node:crypto';
import type { CandidatePair } from 'werift';
import type { ConnectionState, LaneCounters, SrtpProfile } from '../types.ts';
import type { LocalCertificate } from './certificate.ts';
import type { DtlsEndpoint } from './dtls-endpoint.ts';
import type { SelectedPair } from './ice-agent.ts';
import type { IceTransport } from './ice-transport.ts';
import type { RTCStatsEntry } from './types.ts';

const TRANSPORT = 'transport';
const PAIR_STATES = ['frozen', 'waiting', 'in-progress', 'succeeded', 'failed'] as const;
const DTLS_STATES: Record<ConnectionState, string> = {
  new: 'new',
  connecting: 'connecting',
  connected: 'connected',
  disconnected: 'connected',
  failed: 'failed',
  closed: 'closed',
};

export interface TransportStatsSource {
  readonly timestamp: number;
  readonly ice: IceTransport;
  readonly selected: SelectedPair | undefined;
  readonly dtls: DtlsEndpoint | undefined;
  readonly dtlsRole: 'client' | 'server' | undefined;
  readonly state: ConnectionState;
  readonly profile: SrtpProfile | undefined;
  /** What the SRTP sender sent past ICE. */
  readonly lane: LaneCounters | undefined;
  /** Of that: before the pair in use came into use. */
  readonly laneBefore: LaneCounters;
  readonly local: LocalCertificate;
}

export function transportStats(source: TransportStatsSource): RTCStatsEntry[] {
  const { timestamp, ice } = source;
  const selected = source.selected?.pair;
  const { lane, laneBefore } = source;
  const own = lane && {
    packets: lane.packets - laneBefore.packets,
    bytes: lane.bytes - laneBefore.bytes,
    dropped: lane.dropped - laneBefore.dropped,
  };
  const pairs = ice.pairs.map((pair) => pairStats(pair, timestamp, pair === selected, own));
  const used = selected && pairs.find(({ id }) => id === pairId(selected));
  const { usernameFragment } = ice.local;
  const { totals } = ice;
  const remotes = new Map(ice.pairs.map(({ remoteCandidate }) => [remoteId(remoteCandidate), remoteCandidate]));
  const transport: RTCStatsEntry = {
    id: TRANSPORT,
    type: 'transport',
    timestamp,
    packetsSent: totals.packetsSent + (own?.packets ?? 0),
    packetsReceived: totals.packetsReceived,
    bytesSent: totals.bytesSent + (own?.bytes ?? 0),
    bytesReceived: totals.bytesReceived,
    selectedCandidatePairChanges: ice.pairChanges,
    iceRole: ice.role,
    iceLocalUsernameFragment: usernameFragment,
    iceState: source.state === 'connecting' ? 'checking' : source.state,
    dtlsState: DTLS_STATES[source.state],
    localCertificateId: 'certificate_local',
    ...(used ? { selectedCandidatePairId: used.id } : {}),
    ...(source.dtlsRole ? { dtlsRole: source.dtlsRole } : {}),
    ...(source.dtls?.remoteCertificate ? { remoteCertificateId: 'certificate_remote', tlsVersion: 'FEFD' } : {}),
    ...(source.dtls?.cipherSuite ? { dtlsCipher: source.dtls.cipherSuite } : {}),
    ...(source.profile ? { srtpCipher: source.profile === 'AEAD_AES_128_GCM' ? source.profile : 'AES_CM_128_HMAC_SHA1_80' } : {}),
  };
  return [
    transport,
    ...pairs,
    ...ice.localCandidates.map((candidate) => ({
      id: localId(candidate.address, candidate.port, candidate.type),
      type: 'local-candidate',
      timestamp,
      transportId: TRANSPORT,
      address: candidate.address,
      port: candidate.port,
      protocol: candidate.protocol,
      ...(candidate.tcpType === undefined ? {} : { tcpType: candidate.tcpType }),
      candidateType: candidate.type,
      priority: candidate.priority,
      foundation: candidate.foundation,
      usernameFragment: candidate.usernameFragment,
      ...(candidate.relatedAddress === undefined ? {} : { relatedAddress: candidate.relatedAddress }),
      ...(candidate.relatedPort === undefined ? {} : { relatedPort: candidate.relatedPort }),
    })),
    ...[...remotes].map(([id, candidate]) => ({
      id,
      type: 'remote-candidate',
      timestamp,
      transportId: TRANSPORT,
      address: candidate.host,
      port: candidate.port,
      protocol: candidate.transport,
      ...(candidate.tcptype === undefined ? {} : { tcpType: candidate.tcptype }),
      candidateType: candidate.type,
      priority: candidate.priority,
      foundation: candidate.foundation,
    })),
    certificate('certificate_local', timestamp, source.local.fingerprint.value, derOf(source.local.certPem)),
    ...(source.dtls?.remoteCertificate
      ? [certificate('certificate_remote', timestamp, undefined, source.dtls.remoteCertificate)]
      : []),
  ];
}

type PairStats = RTCStatsEntry & Record<'packetsSent' | 'packetsReceived' | 'bytesSent' | 'bytesReceived', number>;

function pairStats(pair: CandidatePair, timestamp: number, selected: boolean, counters: LaneCounters | undefined): PairStats {
  const lane = selected ? counters : undefined;
  return {
    id: pairId(pair),
    type: 'candidate-pair',
    timestamp,
    transportId: TRANSPORT,
    localCandidateId: localId(pair.localCandidate.host, pair.localCandidate.port, pair.localCandidate.type),
    remoteCandidateId: remoteId(pair.remoteCandidate),
    state: PAIR_STATES[pair.state] ?? 'failed',
    // Peers with aggressive nomination nominate all pairs; what a reader wants to know is which one is in use.
    nominated: selected,
    packetsSent: pair.packetsSent + (lane?.packets ?? 0),
    packetsReceived: pair.packetsReceived,
    bytesSent: pair.bytesSent + (lane?.bytes ?? 0),
    bytesReceived: pair.bytesReceived,
    ...(pair.rtt === undefined ? {} : { currentRoundTripTime: pair.rtt }),
    totalRoundTripTime: pair.totalRoundTripTime,
    requestsSent: pair.requestsSent,
    requestsReceived: pair.requestsReceived,
    responsesSent: pair.responsesSent,
    responsesReceived: pair.responsesReceived,
    packetsDiscardedOnSend: lane?.dropped ?? 0,
  };
}

function certificate(id: string, timestamp: number, fingerprint: string | undefined, der: Buffer): RTCStatsEntry {
  const digest = createHash('sha256').update(der).digest('hex').toUpperCase();
  return {
    id,
    type: 'certificate',
    timestamp,
    fingerprint: fingerprint ?? digest.match(/../g)!.join(':'),
    fingerprintAlgorithm: 'sha-256',
    base64Certificate: der.toString('base64'),
  };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

function pairId(pair: CandidatePair): string {
  return `candidate-pair_${pair.id}`;
}

function localId(address: string, port: number, type: string): string {
  return `local-candidate_${type}_${address}_${port}`;
}

function remoteId({ host, port }: { host: string; port: number }): string {
  return `remote-candidate_${host}_${port}`;
}
