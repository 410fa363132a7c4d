/**
 * The W3C statistics report of a connection (webrtc-stats): what the transport tells, and the entries of streams and codecs,
 * with the W3C's keys under the GStreamer family's ids (reference A.5).
 */
import type { CodecParameters } from '../sdp/codecs.ts';
import type { RtpSender } from './rtp-sender.ts';
import type { Transceiver } from './transceiver.ts';
import type { RTCStatsEntry } from './transport/types.ts';

export interface StatsSource {
  readonly transceivers: readonly Transceiver[];
  readonly transport: readonly RTCStatsEntry[];
  /** Of a receiver, s; undefined before the sender has told. */
  readonly roundTripTime: number | undefined;
  readonly dataChannelsOpened: number;
  readonly dataChannelsClosed: number;
  /** ms since the Unix epoch. */
  readonly timestamp: number;
}

export function buildStats(source: StatsSource): Map<string, RTCStatsEntry> {
  const { timestamp } = source;
  const report = new Map<string, RTCStatsEntry>();
  const add = (entry: RTCStatsEntry): void => {
    report.set(entry.id, entry);
  };
  add({
    id: 'peer-connection-stats',
    type: 'peer-connection',
    timestamp,
    dataChannelsOpened: source.dataChannelsOpened,
    dataChannelsClosed: source.dataChannelsClosed,
  });
  for (const entry of source.transport) add(entry);
  const transportId = source.transport.find((entry) => entry.type === 'transport')?.id;
  for (const transceiver of source.transceivers) {
    for (const sender of transceiver.senders) addSender(add, transceiver, sender, transportId, timestamp);
    addReceiver(add, transceiver, transportId, timestamp, source.roundTripTime);
  }
  return report;
}

function addSender(
  add: (entry: RTCStatsEntry) => void,
  { kind, mid }: Transceiver,
  sender: RtpSender,
  transportId: string | undefined,
  timestamp: number,
): void {
  const { codec, stream, rid } = sender;
  if (!codec || !stream) return;
  const { ssrc } = stream;
  const codecId = `codec-stats-${mid}_${codec.payloadType}`;
  const outboundId = `rtp-outbound-stream-stats_${ssrc}`;
  const remoteId = `rtp-remote-inbound-stream-stats_${ssrc}`;
  const remote = stream.remoteInbound;
  const common = { timestamp, ssrc, kind, codecId, ...(transportId === undefined ? {} : { transportId }) };
  add(codecEntry(codecId, codec, kind, 'encode', transportId, timestamp));
  add({
    ...common,
    id: outboundId,
    type: 'outbound-rtp',
    mid,
    ...(rid === undefined ? {} : { rid }),
    active: sender.active,
    ...(stream.rtxSsrc === undefined ? {} : { rtxSsrc: stream.rtxSsrc }),
    ...stream.stats(),
    ...(remote ? { remoteId } : {}),
  });
  if (!remote) return;
  add({ ...common, id: remoteId, type: 'remote-inbound-rtp', localId: outboundId, ...remote });
}

function addReceiver(
  add: (entry: RTCStatsEntry) => void,
  { kind, mid, receiver, negotiatedCodecs }: Transceiver,
  transportId: string | undefined,
  timestamp: number,
  roundTripTime: number | undefined,
): void {
  const stream = receiver?.stream;
  if (!stream) return;
  const codec = negotiatedCodecs.find(({ payloadType }) => payloadType === stream.payloadType) ?? negotiatedCodecs[0];
  if (!codec) return;
  const codecId = `codec-stats-${mid}_${codec.payloadType}`;
  const { lastPacketReceived, ...figures } = stream.stats();
  add(codecEntry(codecId, codec, kind, 'decode', transportId, timestamp));
  const inboundId = `rtp-inbound-stream-stats_${stream.ssrc}`;
  const remoteId = `rtp-remote-outbound-stream-stats_${stream.ssrc}`;
  const remote = stream.senderStats;
  if (remote) {
    add({
      id: remoteId,
      type: 'remote-outbound-rtp',
      timestamp,
      ssrc: stream.ssrc,
      kind,
      codecId,
      localId: inboundId,
      ...remote,
      ...(roundTripTime === undefined ? {} : { roundTripTime }),
    });
  }
  add({
    id: inboundId,
    type: 'inbound-rtp',
    ...(remote ? { remoteId } : {}),
    timestamp,
    ssrc: stream.ssrc,
    kind,
    mid,
    codecId,
    ...(transportId === undefined ? {} : { transportId }),
    ...(receiver.rtxSsrc === undefined ? {} : { rtxSsrc: receiver.rtxSsrc }),
    ...figures,
    ...(lastPacketReceived === undefined ? {} : { lastPacketReceivedTimestamp: performance.timeOrigin + lastPacketReceived }),
  });
}

function codecEntry(
  id: string,
  codec: CodecParameters,
  kind: string,
  codecType: 'encode' | 'decode',
  transportId: string | undefined,
  timestamp: number,
): RTCStatsEntry {
  return {
    id,
    type: 'codec',
    timestamp,
    payloadType: codec.payloadType,
    mimeType: `${kind}/${codec.name}`,
    clockRate: codec.clockRate,
    codecType,
    ...(codec.channels === undefined ? {} : { channels: codec.channels }),
    ...sdpFmtpLine(codec),
    ...(transportId === undefined ? {} : { transportId }),
  };
}

function sdpFmtpLine(codec: CodecParameters): { sdpFmtpLine?: string } {
  const line = Object.entries(codec.fmtp)
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .join(';');
  return line === '' ? {} : { sdpFmtpLine: line };
}
