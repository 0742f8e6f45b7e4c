/** What a session is made from, and whom it hands messages to. */
import type { LatencyHistogram } from "../histogram.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import type { ChannelDefinition, Protocol, Role } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import type { TrafficSecrets } from "../traffic-secrets.ts";
import type { CongestionFactory } from "./congestion/choose.ts";
import type { SealCrypto } from "./seal-crypto.ts";
import type { SealLimits } from "./seal-keys.ts";

/** Where a session's messages go. */
export interface SessionSink {
  /**
   * A message is complete. It is valid during the call only: the session uses the object again. False: no room now; it
   * is offered again by `pump()`.
   */
  deliver(message: ReceivedMessage): boolean;
  /** Room again on `channel` after `send` said false. */
  drained?(channel: ChannelDefinition): void;
  /**
   * What became of a message that was sent with `token`, once for each. Delivered: the other session has acknowledged all
   * of it. Else it is lost: nothing says that it arrived, and it is not sent again.
   */
  notice?(channel: ChannelDefinition, token: number, delivered: boolean): void;
  /** More is known of the other side's clock (../clock.ts); the numbers are valid during the call. */
  clock?(words: Float64Array): void;
}

/** What a sealed session needs besides. */
export interface SealingOptions extends TrafficSecrets {
  readonly crypto: SealCrypto;
  /** For tests: others than those of the cipher. */
  readonly limits?: Partial<SealLimits> | undefined;
}

export interface SessionOptions {
  readonly protocol: Protocol;
  /** Which version both sides use; default: they were generated from the same one. */
  readonly negotiated?: NegotiatedVersion | undefined;
  /** What every datagram of both sides carries, a u32 that only they know, where the layout has it; default 0. */
  readonly tag?: number | undefined;
  /** Given exactly where the protocol is sealed. */
  readonly sealing?: SealingOptions | undefined;
  /** The side this session is. */
  readonly role: Role;
  /** The caller's clock, milliseconds; it must never go back. */
  readonly nowMs: number;
  /** At least 0, below 1. Which packet numbers are skipped depends on it: not predictable outside tests. */
  readonly random: () => number;
  readonly sink: SessionSink;
  /** Makes its controller; default: `stardust`. */
  readonly congestion?: CongestionFactory | undefined;
  /** What this side's clock, which the other side is told of where the layout has one, is ahead of `nowMs`; default 0. */
  readonly clockAheadMs?: number | undefined;
  /** Counts its round trips, and perhaps those of others. */
  readonly roundTrips?: LatencyHistogram | undefined;
  /** Default true. False: what is lost stays lost; for tests that show what resending is good for. */
  readonly resend?: boolean | undefined;
}
