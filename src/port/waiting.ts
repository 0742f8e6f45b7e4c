/**
 * Messages that a peer's session had no room for, channel by channel, in order. Bounded by the peer's credit, which
 * each of them still holds. Worst case of `take`: the messages taken, and one refusal for each channel that has some.
 */

/** The messages of one channel; those before `at` have been taken. */
interface ChannelBacklog {
  readonly channel: number;
  readonly payloads: Uint8Array[];
  at: number;
}

export class WaitingMessages {
  readonly #backlogs: ChannelBacklog[] = [];

  get isEmpty(): boolean {
    return this.#backlogs.length === 0;
  }

  /** Whether a message of this channel has to queue up here. */
  has(channel: number): boolean {
    for (const backlog of this.#backlogs) if (backlog.channel === channel) return true;
    return false;
  }

  add(channel: number, payload: Uint8Array): void {
    for (const backlog of this.#backlogs) {
      if (backlog.channel === channel) {
        backlog.payloads.push(payload);
        return;
      }
    }
    this.#backlogs.push({ channel, payloads: [payload], at: 0 });
  }

  /** Offers what waits, each channel until it is refused. */
  take(offer: (channel: number, payload: Uint8Array) => boolean): void {
    for (let i = this.#backlogs.length - 1; i >= 0; i--) {
      const backlog = this.#backlogs[i]!;
      const { channel, payloads } = backlog;
      while (backlog.at < payloads.length && offer(channel, payloads[backlog.at]!)) backlog.at++;
      if (backlog.at === payloads.length) this.#backlogs.splice(i, 1);
      else if (backlog.at * 2 > payloads.length) {
        payloads.splice(0, backlog.at);
        backlog.at = 0;
      }
    }
  }
}
