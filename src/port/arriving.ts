/**
 * Messages of peers as the application's thread reads them from a port's ring: handed to the port's listener or, on channels with
 * `maxAgeMs`, dropped where they have waited for this thread for longer than that. Not here: what waits in the session or for an
 * iterator.
 */
import type { Protocol } from "../protocol.ts";
import { ReceivedMessage } from "../received-message.ts";
import { receiveCost } from "./memory.ts";
import type { PortListener } from "./port-listener.ts";

/** The time as it is written beside a message: whole milliseconds, modulo 2^32. */
export function stampOf(nowMs: number): number {
  return nowMs >>> 0;
}

/** Gives back what a message has cost. */
interface CreditReturn {
  release(peer: number, channel: number, cost: number): void;
}

export class ArrivingMessages {
  /** Dropped so far. */
  stale = 0;
  readonly #protocol: Protocol;
  readonly #listener: Pick<PortListener, "onMessage">;
  readonly #credit: CreditReturn;
  readonly #end: { readonly drainedMs: number };
  readonly #clockAheadMs: number;
  readonly #message = new ReceivedMessage();

  /** `end`: where they are read from. `clockAheadMs`: what the clock of those who write stamps is ahead of its. */
  constructor(
    protocol: Protocol,
    listener: Pick<PortListener, "onMessage">,
    credit: CreditReturn,
    end: { readonly drainedMs: number },
    clockAheadMs: number,
  ) {
    this.#protocol = protocol;
    this.#listener = listener;
    this.#credit = credit;
    this.#end = end;
    this.#clockAheadMs = clockAheadMs;
  }

  /** As PortReports.message, with the user's header fields that have been read for it. */
  take(
    peer: number,
    channel: number,
    stamp: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    user: Float64Array,
  ): void {
    const definition = this.#protocol.channels[channel]!;
    const { maxAgeMs } = definition;
    if (maxAgeMs !== undefined && this.#ageMs(stamp) > maxAgeMs) {
      this.stale++;
      this.#credit.release(peer, channel, receiveCost(this.#protocol, end - start));
      return;
    }
    this.#message.fill(definition, bytes, view, start, end, user);
    this.#listener.onMessage(peer, this.#message);
  }

  /** Signed: the clock may have been looked at before the message was written. */
  #ageMs(stamp: number): number {
    return (stampOf(this.#end.drainedMs + this.#clockAheadMs) - stamp) | 0;
  }
}
