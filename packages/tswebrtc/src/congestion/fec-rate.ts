/**
 * How much redundancy to send: per cent of ULPFEC for video, and whether audio repeats its last packet. The original ties FEC to
 * bandwidth alone (reference §2.8: above 2 Mbit/s, up to 50 %), sends it where nothing is lost and none to slow links that
 * lose much; ours follows the loss. Sans-IO: `now` is ms on any steady clock.
 */

/** Below, FEC would protect what is hardly ever lost. */
const LEAST_LOSS = 0.01;
/**
 * FEC for each part lost. One FEC packet repairs one loss among those it protects, is lost itself at times, and losses come
 * unevenly, so that as much FEC as loss is too little: with 2.25 times as much, blocks of 12 to 40 packets are left with a loss
 * of 1 to 1.3 % where 5 % were lost, and of 1.9 to 2.7 % where 10 % were (simulated; see ulpfec-masks.ts).
 */
const FEC_PER_LOSS = 2.25;
/**
 * Without RTX a loss that FEC does not repair stops the picture until a keyframe, which a browser asks for only after seconds:
 * then as much as leaves hardly any block unrepaired, up to one FEC packet for each of media, per cent.
 */
const FEC_PER_LOSS_ALONE = 10;
const MOST_ALONE = 100;
/** More takes from the picture what it could only give back at losses where the bitrate should fall instead, per cent. */
const MOST = 50;

/** With RTX: up to this round trip a packet sent again is there before its picture is due, so that FEC buys nothing, ms. */
const RTX_IN_TIME = 30;
/** With RTX: from this round trip on, a picture waits visibly for a packet sent again, so that FEC is worth its full price, ms. */
const RTX_LATE = 100;

/** Below this video bitrate every bit is missed in the picture, and a frame is a packet or two that RTX repairs, bit/s. */
const LEAST_BITRATE = 300_000;
/** From here on the full amount; between, in proportion, so that a bitrate that sways about the bound switches nothing. */
const FULL_BITRATE = 450_000;

/** Loss smoothing: rises within a report or two, since loss that goes on hurts now; falls over seconds, since it comes back, ms. */
const RISE_TIME = 300;
const FALL_TIME = 5000;
/** A smaller change is not told, per cent: each one restarts nothing, but statistics should not flicker. */
const LEAST_STEP = 2;

export interface FecInputs {
  /** Part of the packets lost before any repair, 0..1, as reported last; undefined when there is no new report. */
  readonly loss: number | undefined;
  /** ms; undefined while not known. */
  readonly roundTripTime: number | undefined;
  /** What video and its FEC may take together, bit/s. */
  readonly videoBitrate: number;
  /** Whether delays grow: packets are lost because we send too much. */
  readonly overuse: boolean;
  /** Whether the peer asks for lost packets and gets them. */
  readonly retransmission: boolean;
}

export class FecRate {
  #loss = 0;
  #lastUpdate: number | undefined;
  #percentage = 0;

  /** Per cent of FEC packets to send for media packets, 0..50; without retransmission up to 100. */
  get percentage(): number {
    return this.#percentage;
  }

  /** Loss as it is smoothed here, 0..1. */
  get loss(): number {
    return this.#loss;
  }

  /** Takes what is known now; returns the new percentage. To be called with each report, and when the bitrate changes. */
  update(inputs: FecInputs, now: number): number {
    this.#smooth(inputs, now);
    const wanted = this.#wanted(inputs);
    if (wanted === 0 || Math.abs(wanted - this.#percentage) >= LEAST_STEP) this.#percentage = wanted;
    return this.#percentage;
  }

  #smooth({ loss, overuse }: FecInputs, now: number): void {
    // Loss of our own making ends when the bitrate falls. It says nothing about the path and is not to be remembered.
    if (loss === undefined || !Number.isFinite(loss) || overuse) return;
    const target = Math.min(Math.max(loss, 0), 1);
    const elapsed = this.#lastUpdate === undefined ? 0 : Math.max(now - this.#lastUpdate, 0);
    this.#lastUpdate = now;
    const time = target > this.#loss ? RISE_TIME : FALL_TIME;
    this.#loss += (target - this.#loss) * (1 - Math.exp(-elapsed / time));
  }

  #wanted({ roundTripTime, videoBitrate, overuse, retransmission }: FecInputs): number {
    // FEC adds to the queue that loses the packets: then it does harm.
    if (overuse || this.#loss < LEAST_LOSS || !(videoBitrate > LEAST_BITRATE)) return 0;
    const room = Math.min((videoBitrate - LEAST_BITRATE) / (FULL_BITRATE - LEAST_BITRATE), 1);
    // A round trip that is not known may be long.
    const late = retransmission ? ((roundTripTime ?? RTX_LATE) - RTX_IN_TIME) / (RTX_LATE - RTX_IN_TIME) : 1;
    const perLoss = retransmission ? FEC_PER_LOSS : FEC_PER_LOSS_ALONE;
    const percentage = 100 * this.#loss * perLoss * room * Math.min(Math.max(late, 0), 1);
    return Math.round(Math.min(percentage, retransmission ? MOST : MOST_ALONE));
  }
}

/** Loss at which audio begins to repeat its last packet: a lost one is concealed well, but not one of fifty, each second. */
const REDUNDANCY_FROM = 0.02;
/** And the loss at which it stops. Audio is cheap: better too long than on and off. */
const REDUNDANCY_UNTIL = 0.01;

/** How many earlier audio packets each should repeat at `loss` (0..1, smoothed), after `current`. */
export function audioRedundancy(loss: number, current: number): 0 | 1 {
  return loss > (current > 0 ? REDUNDANCY_UNTIL : REDUNDANCY_FROM) ? 1 : 0;
}
