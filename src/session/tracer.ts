/**
 * Who looks on while a session works: told of each datagram that is built or opened, with its header as the session sees it. What
 * it is shown is valid during the call only, and nothing of it may be changed. Here too: how frames are shown.
 */
import type { Protocol } from "../protocol.ts";
import type { TracedFrame } from "../trace/datagram.ts";
import type { DatagramHeader } from "../wire/header.ts";
import type { SessionCounters } from "./counters.ts";
import type { FlowChannels } from "./flow-channels.ts";
import type { Plan } from "./packer.ts";
import type { ReceivedFrames } from "./workspace.ts";

export interface SessionTracer {
  sent(header: DatagramHeader, frames: readonly TracedFrame[], bytes: number, nowMs: number): void;
  /** It was opened, and is about to be applied; packet and message numbers are whole. */
  received(
    header: DatagramHeader,
    frames: readonly TracedFrame[],
    bytes: number,
    nowMs: number,
  ): void;
  /** It was dropped, by the name of its counter. */
  refused(bytes: number, reason: string, nowMs: number): void;
}

/** What a tracer reads of the session that it looks at. */
export interface TracedSession {
  readonly rttMs: number;
  readonly bytesInFlight: number;
  readonly windowBytes: number;
  readonly counters: Readonly<SessionCounters>;
  /** To read the limits that it receives, and those that it sends. */
  readonly sendLimit: { readonly flow: FlowChannels };
  readonly receiveLimit: { readonly flow: FlowChannels };
}

export function plannedFrames({ channels }: Protocol, plan: Plan): TracedFrame[] {
  return plan.frames.slice(0, plan.count).map((frame) => {
    const { name, numbered } = channels[frame.channel]!;
    return {
      channel: name,
      number: numbered ? frame.number : undefined,
      slice: frame.slice ? ([frame.sliceIndex, frame.sliceCount] as const) : undefined,
      bytes: frame.payloadBytes,
    };
  });
}

export function openedFrames({ channels }: Protocol, frames: ReceivedFrames): TracedFrame[] {
  return Array.from({ length: frames.count }, (_, i) => {
    const { name, numbered } = channels[frames.channel(i)]!;
    const count = frames.sliceCount(i);
    return {
      channel: name,
      number: numbered ? frames.number(i) : undefined,
      slice: count > 0 ? ([frames.sliceIndex(i), count] as const) : undefined,
      bytes: frames.end(i) - frames.start(i),
    };
  });
}
