/**
 * Messages that a peer's session had no room for, channel by channel, in order. Bounded by the peer's credit, which
 * each of them still holds. Worst case of `take`: the messages taken, and one refusal for each channel that has some.
 */

/** The messages of one channel; those before `at` have been taken. */
interface Line {
  readonly channel: number;
  readonly payloads: Uint8Array[];
  at: number;
}

export class WaitingMessages {
  readonly #lines: Line[] = [];

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** Whether a message of this channel has to queue up here. */
  has(channel: number): boolean {
    for (const line of this.#lines) if (line.channel === channel) return true;
    return false;
  }

  add(channel: number, payload: Uint8Array): void {
    for (const line of this.#lines) {
      if (line.channel === channel) {
        line.payloads.push(payload);
        return;
      }
    }
    this.#lines.push({ channel, payloads: [payload], at: 0 });
  }

  /** Offers what waits, each channel until it is refused. */
  take(offer: (channel: number, payload: Uint8Array) => boolean): void {
    for (let i = this.#lines.length - 1; i >= 0; i--) {
      const line = this.#lines[i]!;
      const { channel, payloads } = line;
      while (line.at < payloads.length && offer(channel, payloads[line.at]!)) line.at++;
      if (line.at === payloads.length) this.#lines.splice(i, 1);
      else if (line.at * 2 > payloads.length) {
        payloads.splice(0, line.at);
        line.at = 0;
      }
    }
  }
}
