/**
 * What became of each packet that one feedback message tells about: a table of columns that is reused from message to
 * message, so that feedback from hundreds of receivers leaves no garbage.
 */
export class PacketResults {
  /** Rows in use. */
  count = 0;
  /** Rows of packets that arrived. */
  received = 0;
  /** Unwrapped transport-wide sequence number. */
  sequences = new Float64Array(64);
  /** ms, sender's clock. */
  sendTimes = new Float64Array(64);
  /** ms, receiver's clock; NaN for a lost packet. */
  arrivalTimes = new Float64Array(64);
  /** Bytes. */
  sizes = new Float64Array(64);
  /** Probe cluster, 0 for none. */
  clusters = new Int32Array(64);
  /** 1 where an earlier message called the packet lost and this one says that it came after all. */
  late = new Uint8Array(64);
  /** The first `received` entries are the rows of arrived packets by time of arrival. */
  order = new Int32Array(64);

  clear(): void {
    this.count = 0;
    this.received = 0;
  }

  /** Appends a row. `arrivalTime`: NaN when lost. */
  push(sequence: number, sendTime: number, arrivalTime: number, size: number, cluster: number, late: boolean): void {
    if (this.count === this.sequences.length) this.#grow();
    const row = this.count++;
    this.sequences[row] = sequence;
    this.sendTimes[row] = sendTime;
    this.arrivalTimes[row] = arrivalTime;
    this.sizes[row] = size;
    this.clusters[row] = cluster;
    this.late[row] = late ? 1 : 0;
    if (!Number.isNaN(arrivalTime)) this.#insert(row, arrivalTime);
  }

  /** Arrivals are nearly in order, which is what insertion sort is good at. */
  #insert(row: number, arrivalTime: number): void {
    let at = this.received++;
    while (at > 0 && this.arrivalTimes[this.order[at - 1]!]! > arrivalTime) {
      this.order[at] = this.order[at - 1]!;
      at--;
    }
    this.order[at] = row;
  }

  #grow(): void {
    const bigger = this.count * 2;
    const floats = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(bigger);
      to.set(from);
      return to;
    };
    this.sequences = floats(this.sequences);
    this.sendTimes = floats(this.sendTimes);
    this.arrivalTimes = floats(this.arrivalTimes);
    this.sizes = floats(this.sizes);
    const clusters = new Int32Array(bigger);
    clusters.set(this.clusters);
    this.clusters = clusters;
    const late = new Uint8Array(bigger);
    late.set(this.late);
    this.late = late;
    const order = new Int32Array(bigger);
    order.set(this.order);
    this.order = order;
  }
}
