/**
 * Notices towards the user of a server or client: handlers by channel, and on a server the tokens of each peer that are
 * open, so that each is told once whatever becomes of its worker. Not here: how it is known what became of a message
 * (session/notices.ts). Worst case: one call for each handler, and for each open token when a peer leaves.
 */
import { unsubscribe } from "./dispatcher.ts";
import { type FaultReport, runGuarded } from "./endpoint.ts";
import { StardustError } from "./errors.ts";
import type { DeliveryOutcome, NoticesTarget, Unsubscribe } from "./face.ts";
import { MAX_OPEN_TOKENS } from "./limits.ts";
import type { ChannelDefinition } from "./protocol.ts";

type NoticeHandler = (...args: unknown[]) => unknown;

export class NoticeListeners implements NoticesTarget {
  readonly #channels: readonly ChannelDefinition[];
  readonly #onFault: FaultReport;
  readonly #handlers: Map<number, readonly NoticeHandler[]> = new Map();

  /** `onFault` is told of what a handler throws. */
  constructor(channels: readonly ChannelDefinition[], onFault: FaultReport) {
    this.#channels = channels;
    this.#onFault = onFault;
  }

  notices(channel: number, handler: NoticeHandler): Unsubscribe {
    if (typeof handler !== "function") {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `the handler of notices of ${this.#channels[channel]!.name} is not a function`,
      );
    }
    this.#handlers.set(channel, [...this.#of(channel), handler]);
    return unsubscribe(() => {
      const index = this.#of(channel).indexOf(handler);
      this.#handlers.set(channel, this.#of(channel).toSpliced(index, 1));
    });
  }

  /** Calls the channel's handlers with `origin`, the peer on a server and nothing on a client, and what became of it. */
  tell(
    channel: number,
    origin: readonly { readonly id: number }[],
    token: number,
    delivered: boolean,
  ): void {
    const outcome: DeliveryOutcome = delivered ? "delivered" : "lost";
    const { name } = this.#channels[channel]!;
    for (const handler of this.#of(channel)) {
      runGuarded(
        () => handler(...origin, token, outcome),
        (error) => this.#onFault(error, `notices.${name}`, { peer: origin[0]?.id, channel: name }),
      );
    }
  }

  #of(channel: number): readonly NoticeHandler[] {
    return this.#handlers.get(channel) ?? [];
  }
}

/** Tokens of one peer whose fate is not known; the same one may be open more than once. */
export class OpenTokens {
  /** By channel and token, how often. */
  readonly #open: Map<number, Map<number, number>> = new Map();
  #count = 0;

  /** No further token is taken. */
  get isFull(): boolean {
    return this.#count >= MAX_OPEN_TOKENS;
  }

  add(channel: number, token: number): void {
    let tokens = this.#open.get(channel);
    if (tokens === undefined) {
      tokens = new Map();
      this.#open.set(channel, tokens);
    }
    tokens.set(token, (tokens.get(token) ?? 0) + 1);
    this.#count++;
  }

  /** False: it is not open. */
  settle(channel: number, token: number): boolean {
    const tokens = this.#open.get(channel);
    const count = tokens?.get(token);
    if (tokens === undefined || count === undefined) return false;
    if (count > 1) tokens.set(token, count - 1);
    else tokens.delete(token);
    this.#count--;
    return true;
  }

  /** All of them, in the order of sending on each channel; then none is open. */
  *take(): Generator<readonly [channel: number, token: number]> {
    const open = [...this.#open];
    this.#open.clear();
    this.#count = 0;
    for (const [channel, tokens] of open) {
      for (const [token, count] of tokens) {
        for (let i = 0; i < count; i++) yield [channel, token];
      }
    }
  }
}
