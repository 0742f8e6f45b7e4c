/**
 * Messages that a peer's session had no room for, channel by channel, in order. Bounded by the peer's credit, which
 * each of them still holds. Unreliable ones are let go where time has passed them by: when they are older than `maxAgeMs`
 * of their channel, and, on sequenced ones, when a newer one comes. Worst case of `take`: the messages taken, and one refusal for each channel that has some.
 */
import type { QueueStats } from "../stats.ts";
import { creditCost } from "./memory.ts";

/** The messages of one channel; those before `at` have been taken. */
interface ChannelBacklog {
  readonly channel: number;
  readonly payloads: Uint8Array[];
  /** When each of them came, and its token; as long as `payloads`. */
  readonly cameMs: number[];
  readonly tokens: (number | undefined)[];
  at: number;
}

/** Survives structured cloning. */
export type WaitingState = readonly Readonly<ChannelBacklog>[];

export class WaitingMessages {
  readonly #backlogs: ChannelBacklog[] = [];

  /** As data, for another thread; nothing is left here. */
  handOver(): WaitingState {
    return this.#backlogs.splice(0);
  }

  takeOver(state: WaitingState): void {
    this.#backlogs.push(...state.map((backlog) => ({ ...backlog })));
  }

  get isEmpty(): boolean {
    return this.#backlogs.length === 0;
  }

  /** Whether a message of this channel has to queue up here. */
  has(channel: number): boolean {
    for (const backlog of this.#backlogs) if (backlog.channel === channel) return true;
    return false;
  }

  /** The channels that have some here. */
  get channels(): number[] {
    return this.#backlogs.map(({ channel }) => channel);
  }

  /** What waits here of a channel: the cost of each, in all, and how long the oldest has waited. */
  queueOf(channel: number, nowMs: number): QueueStats {
    const backlog = this.#backlogs.find((one) => one.channel === channel);
    if (backlog === undefined) return { bytes: 0, ageMs: 0 };
    const waiting = backlog.payloads.slice(backlog.at);
    const bytes = waiting.reduce((sum, payload) => sum + creditCost(payload.byteLength), 0);
    return { bytes, ageMs: nowMs - backlog.cameMs[backlog.at]! };
  }

  add(channel: number, payload: Uint8Array, nowMs: number, token?: number): void {
    for (const backlog of this.#backlogs) {
      if (backlog.channel === channel) {
        backlog.payloads.push(payload);
        backlog.cameMs.push(nowMs);
        backlog.tokens.push(token);
        return;
      }
    }
    const backlog = { channel, payloads: [payload], cameMs: [nowMs], tokens: [token], at: 0 };
    this.#backlogs.push(backlog);
  }

  /** Lets go of those of a channel that came before a time, and says of each how long it was, and its token. */
  dropBefore(
    channel: number,
    timeMs: number,
    dropped: (payloadBytes: number, token: number | undefined) => void,
  ): void {
    const index = this.#backlogs.findIndex((one) => one.channel === channel);
    const backlog = this.#backlogs[index];
    if (backlog === undefined) return;
    const { payloads, cameMs, tokens } = backlog;
    for (; backlog.at < payloads.length && cameMs[backlog.at]! < timeMs; backlog.at++) {
      dropped(payloads[backlog.at]!.byteLength, tokens[backlog.at]);
    }
    this.#trim(index, backlog);
  }

  /** Offers what waits, each channel until it is refused. */
  take(offer: (channel: number, payload: Uint8Array, token?: number) => boolean): void {
    for (let i = this.#backlogs.length - 1; i >= 0; i--) {
      const backlog = this.#backlogs[i]!;
      const { channel, payloads, tokens } = backlog;
      while (
        backlog.at < payloads.length &&
        offer(channel, payloads[backlog.at]!, tokens[backlog.at])
      ) {
        backlog.at++;
      }
      this.#trim(i, backlog);
    }
  }

  #trim(index: number, backlog: ChannelBacklog): void {
    const { at, payloads, cameMs, tokens } = backlog;
    if (at === payloads.length) this.#backlogs.splice(index, 1);
    else if (at * 2 > payloads.length) {
      payloads.splice(0, at);
      cameMs.splice(0, at);
      tokens.splice(0, at);
      backlog.at = 0;
    }
  }
}
