/**
 * Golden vectors of a sender's limit (docs/wire.md, "Flow control"): which message may be given a number, and what a limit says. What
 * stands there is what ours does; test/session/session-vectors.test.ts holds it against the document.
 */

import { sameVersion } from "#src/negotiated-version.js";
import type { Protocol } from "#src/protocol.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import { RttEstimator } from "#src/session/rtt.js";
import { SendLimit } from "#src/session/send-limit.js";
import { Timers } from "#src/session/timers.js";
import { SeededRandom } from "#src/testing/index.js";
import { channelIndex } from "./hand-protocol.ts";

/** A message waits: it is sent at once where it may be. Or a limit comes. */
export type LimitStep =
  | { readonly channel: string; readonly costBytes: number; readonly may: boolean }
  | { readonly limit: number; readonly says: string; readonly handedOnBytes: number };

/** A client that is new, whose server says what it has handed on. */
export interface SenderLimit {
  readonly name: string;
  readonly steps: readonly LimitStep[];
}

class Steps {
  readonly steps: LimitStep[] = [];
  readonly #protocol: Protocol;
  readonly #flow: FlowChannels;
  readonly #limit: SendLimit;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
    this.#flow = new FlowChannels(protocol, "client", false, sameVersion(protocol));
    this.#limit = new SendLimit(this.#flow, new Timers(), new RttEstimator(20));
    this.#flow.begin();
  }

  wants(channel: string, costBytes: number): boolean {
    const index = channelIndex(this.#protocol, channel);
    const may = this.#limit.allows(index, costBytes);
    if (may) this.#limit.spend(index, costBytes);
    this.steps.push({ channel, costBytes, may });
    return may;
  }

  /** How many are sent one after the other, until one may not be. */
  fills(channel: string, costBytes: number): number {
    let count = 0;
    while (this.wants(channel, costBytes)) count++;
    return count;
  }

  told(channel: string, handedOnBytes: number): void {
    const place = this.#flow.placeOf(channelIndex(this.#protocol, channel));
    const limit = this.#flow.pack(place, handedOnBytes);
    this.#limit.raise(limit);
    this.steps.push({ limit, says: channel, handedOnBytes });
  }
}

export function senderLimits(protocol: Protocol): SenderLimit[] {
  const part = new Steps(protocol);
  // 4,096 for itself, and three quarters of the pool, 49,152: no byte more.
  part.wants("chat", 4096);
  for (let i = 0; i < 113; i++) part.wants("chat", 326);
  part.wants("chat", 27);
  part.wants("chat", 26);
  part.wants("event", 68);
  const others = new Steps(protocol);
  others.wants("map", 60_071);
  others.wants("map", 36_864);
  others.wants("map", 65);
  // Three quarters of what map leaves, 12,288, beside its own.
  others.wants("chat", 4096 + 9216);
  others.wants("chat", 64);
  others.wants("shot", 4096 + 2304);
  others.wants("shot", 64);
  others.wants("event", 4096);
  const limits = new Steps(protocol);
  const sent = limits.fills("chat", 326);
  limits.told("chat", 326);
  limits.wants("chat", 326);
  limits.told("chat", 326);
  limits.wants("chat", 326);
  limits.told("chat", 0);
  limits.wants("chat", 326);
  limits.told("chat", (sent + 1) * 326 + 1);
  limits.wants("chat", 4096 + 36_864);
  limits.told("event", 1000);
  limits.wants("event", 68);
  const random = new SeededRandom(4);
  const mixed = new Steps(protocol);
  const names = ["event", "chat", "shot", "map"] as const;
  const spent: Record<string, number> = { event: 0, chat: 0, shot: 0, map: 0 };
  const handed: Record<string, number> = { event: 0, chat: 0, shot: 0, map: 0 };
  for (let i = 0; i < 120; i++) {
    const name = random.pick(names);
    if (random.chance(0.3)) {
      handed[name]! += random.integer(0, spent[name]! - handed[name]!);
      mixed.told(name, handed[name]!);
      continue;
    }
    const most = { event: 68, chat: 326, shot: 68, map: 30_000 }[name];
    const cost = name === "map" || name === "chat" ? random.integer(64, most) : most;
    if (mixed.wants(name, cost)) spent[name]! += cost;
  }
  return [
    { name: "a channel has its part, and three quarters of the pool", steps: part.steps },
    { name: "the next has three quarters of what is left", steps: others.steps },
    { name: "limits: again, lower, above what was sent, of another channel", steps: limits.steps },
    { name: "all channels by turns, seed 4", steps: mixed.steps },
  ];
}
