/**
 * Turns feedback (sequence numbers and arrival times) into results of packets (when sent, when arrived, how large, lost),
 * whatever the network did to the feedback: lost, late, doubled, out of order, wrapped numbers and wrapped clock.
 */
import { PacketResults } from './packet-results.ts';
import { IN_FLIGHT, LOST, RECEIVED, SendHistory } from './send-history.ts';
import { type ArrivalFeedback, NOT_RECEIVED } from './types.ts';

/** `ArrivalFeedback.arrivals` counts 250 µs. */
const MS_PER_TICK = 0.25;
/** `ArrivalFeedback.referenceTime` counts 64 ms in 24 bit. */
const MS_PER_REFERENCE_UNIT = 64;

export class FeedbackAdapter {
  readonly history = new SendHistory();
  /** Of the last message. */
  readonly results = new PacketResults();
  /**
   * Round-trip time by the last message, ms, freed of the time a packet waited for the message to be sent: taken from the
   * packet that saw the least. NaN when no packet arrived.
   */
  propagationRtt = Number.NaN;
  /** When the newest packet that any message called received was sent, ms; NaN before the first. */
  lastReceivedSendTime = Number.NaN;
  #reference: number | undefined;

  packetSent(sequenceNumber: number, size: number, now: number, cluster: number): void {
    this.history.add(sequenceNumber, size, now, cluster);
  }

  /** Fills `results`; a packet is told of at most twice: lost, and later received after all. */
  feedback(feedback: ArrivalFeedback, now: number): PacketResults {
    const { history, results } = this;
    results.clear();
    this.propagationRtt = Number.NaN;
    const { arrivals } = feedback;
    if (history.newest < 0 || arrivals.length === 0) return results;
    const reference = this.#unwrapReference(feedback.referenceTime) * MS_PER_REFERENCE_UNIT;
    const base = history.unwrap(feedback.baseSequence);
    let lastArrival = Number.NEGATIVE_INFINITY;
    let highest = -1;
    for (let i = 0; i < arrivals.length; i++) {
      const sequence = base + i;
      const slot = history.find(sequence);
      if (slot < 0) continue;
      highest = sequence;
      const state = history.state(slot);
      const ticks = arrivals[i]!;
      if (ticks === NOT_RECEIVED) {
        if (state !== IN_FLIGHT) continue;
        history.setState(slot, LOST);
        results.push(sequence, history.sendTime(slot), Number.NaN, history.size(slot), history.cluster(slot), false);
      } else {
        const arrival = reference + ticks * MS_PER_TICK;
        if (arrival > lastArrival) lastArrival = arrival;
        if (state === RECEIVED) continue;
        history.setState(slot, RECEIVED);
        results.push(sequence, history.sendTime(slot), arrival, history.size(slot), history.cluster(slot), state === LOST);
      }
    }
    history.acknowledge(highest);
    this.#measure(lastArrival, now);
    return results;
  }

  #measure(lastArrival: number, now: number): void {
    const { results } = this;
    for (let i = 0; i < results.received; i++) {
      const row = results.order[i]!;
      const sent = results.sendTimes[row]!;
      const pending = lastArrival - results.arrivalTimes[row]!;
      const rtt = Math.max(0, now - sent - pending);
      if (!(rtt >= this.propagationRtt)) this.propagationRtt = rtt;
      if (!(sent <= this.lastReceivedSendTime)) this.lastReceivedSendTime = sent;
    }
  }

  /** Continues the receiver's 24-bit clock forward or, for feedback out of order, backward. */
  #unwrapReference(referenceTime: number): number {
    if (this.#reference === undefined) this.#reference = referenceTime;
    else this.#reference += ((referenceTime - this.#reference) << 8) >> 8;
    return this.#reference;
  }
}
