/**
 * The messages of one peer that the server is to send back: each comes once, unchanged and, on an ordered channel, in the
 * order in which it was sent. Messages are known by their bytes. Worst case: as many are remembered as are on their way, and
 * those of an unreliable channel that were lost.
 */
export class EchoCheck {
  /** When messages of these bytes were sent and have not come back, oldest first. */
  readonly #sentAtMs = new Map<string, number[]>();
  /** Of an ordered channel: their bytes in the order of sending, from `#next` on. */
  readonly #order: string[] | undefined;
  #next = 0;
  /** Sent, and not come back. */
  missing = 0;

  constructor(ordered: boolean) {
    this.#order = ordered ? [] : undefined;
  }

  sent(bytes: string, nowMs: number): void {
    this.missing++;
    const times = this.#sentAtMs.get(bytes);
    if (times === undefined) this.#sentAtMs.set(bytes, [nowMs]);
    else times.push(nowMs);
    this.#order?.push(bytes);
  }

  /** One has come: how long it took in milliseconds, or what is wrong with it. */
  returned(bytes: string, nowMs: number): number | string {
    const times = this.#sentAtMs.get(bytes);
    const sentAtMs = times?.shift();
    if (sentAtMs === undefined) return "an echo of what was not sent, or a second one";
    if (times!.length === 0) this.#sentAtMs.delete(bytes);
    this.missing--;
    if (!this.#isNext(bytes)) return "an echo out of order";
    return nowMs - sentAtMs;
  }

  /** Whether these are the oldest that have not come back. */
  #isNext(bytes: string): boolean {
    const order = this.#order;
    if (order === undefined) return true;
    const isNext = order[this.#next] === bytes;
    if (isNext) this.#next++;
    else order.splice(order.indexOf(bytes, this.#next), 1);
    if (this.#next === order.length) {
      order.length = 0;
      this.#next = 0;
    } else if (this.#next > 1024) {
      order.splice(0, this.#next);
      this.#next = 0;
    }
    return isNext;
  }
}
