/**
 * The simulator finds what it is for: faults planted one by one into a copy of the session's compiled code, each found
 * by the runs that CI plays. A fault whose text is not in the code any more fails.
 */
import type { Protocol } from "stardust-udp/protocol";
import { Session } from "stardust-udp/testing";
import { beforeAll, describe, expect, test } from "vitest";
import type { SessionClass } from "#simulate/play.js";
import { play } from "#simulate/play.js";
import { endOf, run, type Selection, selectionOf } from "#simulate/run.js";
import { kindOf, shrink } from "#simulate/shrink.js";
import { protocolOf } from "#simulate/specs.js";
import { plant, removePlanted } from "../support/plant.ts";

/** As in .ci/run. */
const CI_SEED = 1;
const CI_RUNS = 10_000;
/** Where there is nothing to find, so many say so. */
const IDLE_RUNS = 100;

let protocol: Protocol;

beforeAll(async () => {
  removePlanted();
  protocol = await protocolOf("plain");
});

/** Of the first runs that CI plays; `modes`: only those of them that can show it, where others are many. */
async function firstProblem(
  Planted: SessionClass,
  runs: number,
  modes?: Selection["modes"],
): Promise<string> {
  const all = selectionOf(protocol);
  const selection = { ...all, modes: modes ?? all.modes };
  const report = await run({
    protocol,
    Session: Planted,
    seed: CI_SEED,
    from: 0,
    to: endOf(runs, protocol, all),
    maxFailures: 1,
    ...selection,
  });
  return report.failures[0]?.problem ?? `not found in ${runs} runs`;
}

const acknowledged: Selection["modes"] = ["reliable", "reliable-ordered"];

/** What is wrong, in which file, how it is written there, what the simulator says of it, and in which modes it is seen. */
const faults: readonly (readonly [
  what: string,
  file: string,
  edits: readonly (readonly [RegExp, string])[],
  problem: RegExp,
  modes?: Selection["modes"],
])[] = [
  [
    "it acknowledges one too many",
    "received.js",
    [[/acks\.firstRun = r\[1\] - r\[0\] \+ 1;/, "acks.firstRun = r[1] - r[0] + 2;"]],
    /of \d+ came|acknowledgedUnsent|at rest: bytesInFlight/,
  ],
  [
    "it forgets the wrap of a packet number",
    "packet-numbers.js",
    [[/return candidate \+ size;/, "return candidate;"]],
    /of \d+ came|never acknowledged/,
  ],
  [
    "it forgets the wrap of a message number",
    "channel-receive.js",
    [[/return rebuildNumber\(truncated, bits, [^;]*;/, "return truncated;"]],
    /never acknowledged|dropped|of \d+ came/,
  ],
  [
    "it takes a datagram twice",
    "packet-numbers.js",
    [[/ has\(packetNumber\) \{/, " has(packetNumber) { return false;"]],
    /came twice|came once more/,
  ],
  [
    "it delivers what was sent again once more",
    "number-window.js",
    [[/ has\(number\) \{/, " has(number) { return number < 0;"]],
    /came twice|came once more|throws/,
  ],
  [
    "it knows no receive limit",
    "send-limit.js",
    [[/ allows\(channel, costBytes\) \{/, "$& return true;"]],
    /receiveLimit|never acknowledged|remembers/,
    ["all"],
  ],
  [
    "it forgets the limit of each channel, and keeps to one for all",
    "flow-channels.js",
    [
      [
        / isFair\(place, costBytes\) \{/,
        "$& return this.amounts.reduce((sum, held, at) => (at % 3 === 0 ? sum + held : sum), costBytes) <= this.budgetBytes;",
      ],
      [/ fits\(place, costBytes\) \{/, "$& return true;"],
    ],
    /stand still while nobody reads/,
    ["all"],
  ],
  [
    "it says of one channel what it has handed on of another",
    "flow-channels.js",
    [[/ pack\(place, handedOnBytes\) \{/, "$& place = 0;"]],
    /never acknowledged|stand still|at rest/,
    ["all", ...acknowledged],
  ],
  [
    "it never raises the receive limit",
    "receive-limit.js",
    [[/handedOn\(channel, costBytes\) \{/, "$& return;"]],
    /never acknowledged|at rest/,
    acknowledged,
  ],
  [
    "no controller keeps it from sending",
    "session.js",
    [[/this\.sent\.bytesInFlight >= this\.controller\.windowBytes/g, "false"]],
    /bytes in flight of/,
  ],
  [
    "no pacer keeps it from sending",
    "pacer.js",
    [[/ readyAt\(nowMs, [^)]*\) \{/, "$& return nowMs;"]],
    /datagrams of data at once/,
  ],
  [
    "it takes a message for whole that lacks a slice",
    "reassembly.js",
    [[/this\.received === this\.count/, "this.received >= this.count - 1"]],
    /differs|throws/,
  ],
  [
    "it sends the first slice for every slice",
    "channel-send.js",
    [[/start \+ this\.headSlice \* this\.sliceBytes/, "start"]],
    /differs/,
  ],
  [
    "sequenced lets an older one through",
    "channel-receive-unreliable.js",
    [[/this\.sequenced && order < this\.newest/, "false"]],
    /came after/,
  ],
  [
    "ordered waits for nothing",
    "channel-receive.js",
    [[/return number === this\.nextOut;/, "return true;"]],
    /came after/,
  ],
  [
    "the newest is followed by an older one",
    "channel-receive-reliable-sequenced.js",
    [[/return number <= this\.newest \|\|/, "return number === this.newest ||"]],
    /came after/,
  ],
  [
    "a gap is waited for without an end",
    "channel-receive-unreliable-ordered.js",
    [[/ passGaps\(nowMs\) \{/, " passGaps(nowMs) { return;"]],
    /at rest|while there is nothing|throws/,
  ],
  [
    "a gap is not waited for",
    "channel-receive-unreliable-ordered.js",
    [[/return order === this\.nextOut;/, "return true;"]],
    /came after|throws|at rest/,
  ],
  [
    "it never sends again",
    "channel-send.js",
    [[/ lost\(number, slice\) \{/, " lost(number, slice) { return;"]],
    /never acknowledged/,
  ],
  [
    "it never probes",
    "session.js",
    [[/timers\.due\(Timer\.probe, nowMs\)/, "false"]],
    /never acknowledged|throws/,
  ],
  [
    "it takes the round trip of the path that it has left for that of the new one",
    "session.js",
    [[/this\.rtt\.begin\(\);/, ""]],
    /has moved, and knows/,
  ],
  [
    "what is in flight when it moves is never sent again",
    "sent.js",
    [[/ leavePath\(nowMs\) \{/, "$& this.bytesInFlight = 0; this.base = this.next; return;"]],
    /never acknowledged|has moved|throws|of \d+ came/,
  ],
  [
    "it acknowledges acks",
    "received.js",
    [[/if \(!frames && !ackNow\)\s+return;/, ""]],
    /while there is nothing to say/,
  ],
  [
    "what is lost stays in flight",
    "sent.js",
    [[/this\.bytesInFlight -= bytes;(?=\s+if \(\(packed)/, ""]],
    /in flight|bytesInFlight/,
  ],
  [
    "what was handed on is kept",
    "receive-context.js",
    [[/if \(isTaken\)\s+this\.store\.drop\(stored\);/, ""]],
    /at rest: waitingBytes/,
  ],
  [
    "its queue still counts what has left",
    "channel-send.js",
    [[/this\.queuedBytes -= length \+ MESSAGE_OVERHEAD_BYTES;/, ""]],
    /bytes are queued|no room|never (sent|acknowledged)/,
  ],
  [
    "it tells that a message was delivered when it was sent",
    "notices.js",
    [[/ left\(position, number, slices\) \{/, "$& this.arrived(position);"]],
    /is told delivered, and never came/,
  ],
  [
    "it tells that a message was delivered with its first slice",
    "notices.js",
    [[/--this\.flying\[at \+ ACKS\] === 0/, "true"]],
    /is told delivered, and never came/,
  ],
  [
    "it tells nothing of what was never sent",
    "notices.js",
    [[/ dropped\(position\) \{/, "$& return;"]],
    /nothing is told/,
  ],
  [
    "it tells the fate of what was in flight twice",
    "notices.js",
    [[/this\.notices\.inFlight--;/, "$& this.settle(0, this.flying[at + TOKEN], delivered);"]],
    /what nobody asked/,
  ],
  [
    "it never asks what became of the last message",
    "session.js",
    [[/if \(this\.senders\.notices\.inFlight > 0\)\s+this\.pingWanted = true;/, ""]],
    /never (sent|acknowledged)/,
  ],
];

describe("a fault in a session is found:", () => {
  const rows = faults.map(([what, file, edits, problem, modes]) => {
    return { what, file, edits, problem, modes };
  });
  test.each(rows)("$what", { timeout: 120_000 }, async ({ file, edits, problem, modes }) => {
    const found = await firstProblem(await plant(file, edits), CI_RUNS, modes);
    expect(found).toMatch(problem);
  });

  test("and none where there is none", async () => {
    const sound = await plant("session.js", [[/$/, ""]]);
    expect(await firstProblem(sound, IDLE_RUNS)).toBe(`not found in ${IDLE_RUNS} runs`);
  });
});

test("a failing scenario is made simpler, and fails in the same way", async () => {
  const Planted = await plant("packet-numbers.js", [
    [/ has\(packetNumber\) \{/, " has(packetNumber) { return false;"],
  ]);
  const selection = { ...selectionOf(protocol), modes: ["unreliable"] as const };
  const to = endOf(100, protocol, selection);
  const options = { protocol, Session: Planted, seed: CI_SEED, from: 0, to, ...selection };
  const { failures } = await run({ ...options, maxFailures: 1 });
  const { scenario, problem } = failures[0]!;
  const simple = shrink(scenario, (candidate) => play(protocol, candidate, Planted).problem);
  expect(kindOf(simple.problem)).toBe(kindOf(problem));
  expect(simple.scenario.messages).toBeLessThan(10);
  expect(Object.keys(simple.scenario.path.fromClient)).toContain("duplication");
  expect(play(protocol, simple.scenario, Planted).problem).toBe(simple.problem);
  expect(play(protocol, simple.scenario, Session).problem).toBe("");
});
