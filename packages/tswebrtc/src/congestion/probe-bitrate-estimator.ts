/**
 * What a probe found: the rate at which its train of packets arrived, by comparing first and last of what was sent and
 * received (libwebrtc's rule and figures).
 */
import type { PacketResults } from './packet-results.ts';
import type { PlannedProbe } from './probe-controller.ts';

/** Enough of a train arrived, by packets and by bytes. */
const RECEIVED_RATIO = 0.8;
/** A cluster is forgotten so long after its last news, ms. */
const MAX_AGE = 1000;
/** Sending or receiving a train that takes longer than this measures something else, ms. */
const MAX_DURATION = 1000;
/** Received so much faster than sent: the path held packets back, and nothing was measured. */
const MAX_RATIO = 2;
/** Sent slower than this part of the plan: the sender was the limit. */
const HAMPERED_RATIO = 0.8;
/** Received slower than this part of the rate sent: the path is full, and takes this part of the rate received. */
const UNSATURATED_RATIO = 0.9;
const SATURATED_UTILISATION = 0.95;

interface Cluster {
  packets: number;
  bytes: number;
  firstSend: number;
  lastSend: number;
  firstArrival: number;
  lastArrival: number;
  /** Bytes of the packet that left last and of the one that arrived first: they lie outside of the span measured. */
  lastSendSize: number;
  firstArrivalSize: number;
  readonly minPackets: number;
  readonly minBytes: number;
  readonly bitrate: number;
  readonly trust: number;
  heard: number;
}

/** What a train found. */
export interface ProbeResult {
  /** bit/s. */
  readonly bitrate: number;
  /** Not the path but sender or receiver was the limit: the path carries that much at least. */
  readonly hampered: boolean;
}

export class ProbeBitrateEstimator {
  readonly #clusters = new Map<number, Cluster>();

  /** A probe was started. Its results are waited for. */
  expect(probe: PlannedProbe, now: number): void {
    this.#clusters.set(probe.clusterId, {
      packets: 0,
      bytes: 0,
      firstSend: Number.POSITIVE_INFINITY,
      lastSend: Number.NEGATIVE_INFINITY,
      firstArrival: Number.POSITIVE_INFINITY,
      lastArrival: Number.NEGATIVE_INFINITY,
      lastSendSize: 0,
      firstArrivalSize: 0,
      minPackets: probe.minPackets * RECEIVED_RATIO,
      minBytes: probe.minBytes * RECEIVED_RATIO,
      bitrate: probe.bitrate,
      trust: probe.trust,
      heard: now,
    });
  }

  /** One feedback message; returns what the latest probe in it found. */
  update(results: PacketResults, now: number): ProbeResult | undefined {
    if (this.#clusters.size === 0) return undefined;
    let found: ProbeResult | undefined;
    for (let i = 0; i < results.received; i++) {
      const row = results.order[i]!;
      const id = results.clusters[row]!;
      if (id === 0) continue;
      const cluster = this.#clusters.get(id);
      if (!cluster) continue;
      cluster.heard = now;
      const result = measure(cluster, results.sendTimes[row]!, results.arrivalTimes[row]!, results.sizes[row]!);
      if (result) found = { ...result, bitrate: result.bitrate * cluster.trust };
    }
    for (const [id, cluster] of this.#clusters) if (now - cluster.heard > MAX_AGE * 2) this.#clusters.delete(id);
    return found;
  }
}

/** Adds a packet; returns the result by all packets so far, once they are enough. */
function measure(cluster: Cluster, send: number, arrival: number, size: number): ProbeResult | undefined {
  cluster.packets++;
  cluster.bytes += size;
  if (send < cluster.firstSend) cluster.firstSend = send;
  if (send >= cluster.lastSend) {
    cluster.lastSend = send;
    cluster.lastSendSize = size;
  }
  if (arrival < cluster.firstArrival) {
    cluster.firstArrival = arrival;
    cluster.firstArrivalSize = size;
  }
  if (arrival > cluster.lastArrival) cluster.lastArrival = arrival;
  if (cluster.packets < cluster.minPackets || cluster.bytes < cluster.minBytes) return undefined;
  const sendTime = cluster.lastSend - cluster.firstSend;
  const receiveTime = cluster.lastArrival - cluster.firstArrival;
  if (sendTime <= 0 || sendTime > MAX_DURATION || receiveTime <= 0 || receiveTime > MAX_DURATION) return undefined;
  const sent = ((cluster.bytes - cluster.lastSendSize) * 8000) / sendTime;
  const received = ((cluster.bytes - cluster.firstArrivalSize) * 8000) / receiveTime;
  if (received / sent > MAX_RATIO) return { bitrate: 0, hampered: true };
  if (received < UNSATURATED_RATIO * sent) return { bitrate: SATURATED_UTILISATION * received, hampered: false };
  return { bitrate: Math.min(sent, received), hampered: sent < HAMPERED_RATIO * cluster.bitrate };
}
