/** Virtual time: events in order of time, and of their making where times are equal. */
export class Clock {
  /** ms. */
  now = 0;
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];
  #made = 0;

  /** Calls `action` at `time`, or now where that has passed. */
  at(time: number, action: () => void): void {
    const times = this.#times;
    const orders = this.#orders;
    const actions = this.#actions;
    const order = this.#made++;
    const when = Math.max(time, this.now);
    let i = times.length;
    times.push(when);
    orders.push(order);
    actions.push(action);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (times[parent]! <= when) break;
      times[i] = times[parent]!;
      orders[i] = orders[parent]!;
      actions[i] = actions[parent]!;
      i = parent;
    }
    times[i] = when;
    orders[i] = order;
    actions[i] = action;
  }

  after(delay: number, action: () => void): void {
    this.at(this.now + delay, action);
  }

  /** Lets time pass up to `end`. */
  run(end: number): void {
    while (this.#times.length > 0 && this.#times[0]! <= end) {
      this.now = this.#times[0]!;
      const action = this.#actions[0]!;
      this.#removeFirst();
      action();
    }
    this.now = Math.max(this.now, end);
  }

  #removeFirst(): void {
    const times = this.#times;
    const orders = this.#orders;
    const actions = this.#actions;
    const time = times.pop()!;
    const order = orders.pop()!;
    const action = actions.pop()!;
    const count = times.length;
    if (count === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= count) break;
      const right = child + 1;
      if (right < count && before(times[right]!, orders[right]!, times[child]!, orders[child]!)) child = right;
      if (!before(times[child]!, orders[child]!, time, order)) break;
      times[i] = times[child]!;
      orders[i] = orders[child]!;
      actions[i] = actions[child]!;
      i = child;
    }
    times[i] = time;
    orders[i] = order;
    actions[i] = action;
  }
}

function before(time: number, order: number, otherTime: number, otherOrder: number): boolean {
  return time < otherTime || (time === otherTime && order < otherOrder);
}
