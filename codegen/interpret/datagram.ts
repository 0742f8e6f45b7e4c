/** What reading a datagram finds out, whole: the words that read-datagram.ts, read-zero.ts and their callers share. */

import type { Part, Problem } from "../bytes/cursor.ts";
import type { Side } from "../model/delivery.ts";
import type { ChannelModel } from "../model/model.ts";
import type { LimitReading } from "./receive-limit.ts";

/** A frame that was read. */
export interface FrameReading {
  readonly channel: ChannelModel;
  readonly number?: number;
  readonly slice?: { readonly index: number; readonly count: number };
  readonly payload: Uint8Array;
  /** Missing for slices. */
  readonly message?: Record<string, unknown>;
  /** Only where the payload was deflated: the bytes that the message was read from. */
  readonly inflated?: Uint8Array;
}

export interface AckReading {
  /** As on the wire: the lower bits of a packet number. */
  readonly largest: number;
  /** In 250 us; 255 is unknown. */
  readonly delay: number;
  /** How many numbers, from `largest` downwards: a run, then a gap and a run, and so on. */
  readonly runs: readonly number[];
}

export interface Reading {
  readonly kind: "regular" | "zero";
  readonly bytes: number;
  /** The name of the zero message, as far as it was read. */
  readonly zero?: string;
  /** Parsed JSON of a zero message. */
  readonly envelope?: Readonly<Record<string, unknown>>;
  /** Of the regular protocol, as on the wire; the tag where the layout has it. */
  readonly sessionTag?: number;
  readonly packetNumber?: number;
  /** How many bits of the packet number those are, and how long the clear part is. */
  readonly packetNumberBits?: number;
  readonly clearBytes?: number;
  /** Where it is sealed. */
  readonly keyPhase?: boolean;
  /** The channel of the first frame, as on the wire. */
  readonly wireId?: number;
  /** It asks for an ack. */
  readonly ackNow?: boolean;
  readonly ack?: AckReading;
  readonly receiveLimit?: number;
  /** What that says, where it is known who wrote it, and that both sides have the same channels. */
  readonly limit?: LimitReading;
  /** Units of 250 us, where the layout has it. */
  readonly clock?: number;
  readonly user?: Readonly<Record<string, number>>;
  readonly frames: readonly FrameReading[];
  readonly parts: readonly Part[];
  readonly problem?: Pick<Problem, "at" | "path" | "problem">;
}

export interface ReadOptions {
  /** Who sent it; without, directions are not checked. */
  readonly from?: Side;
  /** It is sealed, and its keys are not known: what stands behind the clear part is named, and no more. */
  readonly sealed?: boolean;
  /** The two sides were generated from different versions, as their accept said. */
  readonly compat?: boolean;
}
