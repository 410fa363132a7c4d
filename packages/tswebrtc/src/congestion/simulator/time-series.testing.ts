/** Amounts over time in bins of 50 ms: what happened, for measurements and plots. */
const BIN = 50;

export class TimeSeries {
  readonly #bins: number[] = [];

  add(time: number, amount: number): void {
    const bin = Math.floor(time / BIN);
    while (this.#bins.length <= bin) this.#bins.push(0);
    this.#bins[bin]! += amount;
  }

  /** Sum over [from, to), to the nearest bins. */
  sum(from: number, to: number): number {
    let sum = 0;
    const end = Math.min(this.#bins.length, Math.round(to / BIN));
    for (let i = Math.max(0, Math.round(from / BIN)); i < end; i++) sum += this.#bins[i]!;
    return sum;
  }

  /** Mean rate over [from, to), bit/s where amounts are bytes. */
  bitrate(from: number, to: number): number {
    return (this.sum(from, to) * 8000) / (to - from);
  }
}
