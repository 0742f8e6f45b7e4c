import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Protocol } from "#src/protocol.js";
import { dropReasons } from "#src/session/drop-reason.js";
import {
  deliveriesProtocol,
  makeSessionVectors,
  ONE_WAY,
  oneWayProtocol,
  SEALED,
  type SessionVectors,
  sealedProtocol,
} from "../support/session-vectors.ts";
import { Receiver, type Step, type Trace } from "../support/trace-writer.ts";

const file = new URL("../../docs/session-vectors.json", import.meta.url);
const made = await makeSessionVectors();

/** One value a line where it is short, so that a change is seen as one. */
function print(vectors: SessionVectors): string {
  const rows = (list: readonly unknown[], indent: string): string =>
    `[\n${list.map((row) => `${indent}  ${JSON.stringify(row)}`).join(",\n")}\n${indent}]`;
  const { traces, limits, senders, packetNumbers, acknowledged, roundTrips, ...head } = vectors;
  const parts = Object.entries(head).map(([key, value]) => `  "${key}": ${JSON.stringify(value)}`);
  for (const [key, list] of Object.entries({ packetNumbers, acknowledged, roundTrips })) {
    parts.push(`  "${key}": ${rows(list, "  ")}`);
  }
  const sent = senders.map(
    ({ name, steps }) => `    { "name": ${JSON.stringify(name)}, "steps": ${rows(steps, "    ")} }`,
  );
  parts.push(`  "senders": [\n${sent.join(",\n")}\n  ]`);
  const limited = limits.map(
    ({ name, steps }) => `    { "name": ${JSON.stringify(name)}, "steps": ${rows(steps, "    ")} }`,
  );
  parts.push(`  "limits": [\n${limited.join(",\n")}\n  ]`);
  const each = traces.map(({ steps, ...head }) => {
    const text = Object.entries(head).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
    return `    { ${text.join(", ")}, "steps": ${rows(steps, "    ")} }`;
  });
  parts.push(`  "traces": [\n${each.join(",\n")}\n  ]`);
  return `{\n${parts.join(",\n")}\n}\n`;
}

describe("the golden vectors of a session", async () => {
  const protocol = await deliveriesProtocol();
  const kept = JSON.parse(readFileSync(file, "utf8")) as SessionVectors;
  const trace = (name: string): Trace => kept.traces.find((each) => each.name.startsWith(name))!;
  const step = (name: string, what: string): Step =>
    trace(name).steps.find((each) => each.what?.startsWith(what))!;

  const found = (name: string, what: "lost" | "spurious") =>
    kept.senders
      .find((each) => each.name.startsWith(name))!
      .steps.flatMap((each) => (each[what] ?? []).map((number) => [number, each.atMs]));

  it("have losses at their times: after three later numbers and 1 ms, else after a round trip and its window", () => {
    expect(found("three later numbers", "lost")).toEqual([[1, 154]]);
    expect(found("it is named within", "lost")).toEqual([]);
    expect(found("one later number", "lost")).toEqual([[1, 100 + 50 * 1.125]]);
    expect(found("a loss was none", "lost")[0]).toEqual([1, 154]);
    expect(found("a loss was none", "spurious")).toEqual([[1, 170]]);
    // It took 70 ms: two quarters of the smallest round trip, 50 ms, beside the round trip itself.
    expect(found("a loss was none", "lost")[1]).toEqual([5, 200 + 50 + 2 * 12.5]);
  });

  it("have round trips with the delay of an ack taken off, as far as it may be held back", () => {
    const { steps } = kept.senders.find((each) => each.name.startsWith("ack delays"))!;
    const smoothed = steps.flatMap((each) => each.smoothedMs ?? []);
    expect(smoothed[1]).toBe(smoothed[0]);
    expect(smoothed[2]).toBe(smoothed[1]);
    const { maxAckDelayMs } = protocol.limits;
    expect(smoothed[3]).toBeCloseTo((7 * 50 + (90 - maxAckDelayMs)) / 8, 9);
  });

  it("are what our session does (`npx vitest run test/session/session-vectors -u` writes them)", async () => {
    await expect(print(made)).toMatchFileSnapshot(file.pathname);
  });

  const others: Readonly<Record<string, Protocol>> = {
    [ONE_WAY]: await oneWayProtocol(),
    [SEALED]: await sealedProtocol(),
  };
  it.each(kept.traces.map((each) => [each.name, each] as const))("%s", (_, trace) => {
    const { role, steps, spec } = trace;
    const receiver = new Receiver(spec === undefined ? protocol : others[spec]!, role);
    for (const { atMs, what, datagram, application, ...expected } of steps) {
      expect({
        atMs,
        what,
        ...receiver.step({
          atMs,
          ...(datagram === undefined ? {} : { datagram }),
          ...(application === undefined ? {} : { application }),
        }),
      }).toEqual({ atMs, what, ...expected });
    }
  });

  it("rebuild packet numbers as the nearest to the expected one", () => {
    for (const { bits, largest, truncated, number } of kept.packetNumbers) {
      expect(number % 2 ** bits).toBe(truncated);
      expect(number).toBeGreaterThanOrEqual(0);
      // No other number that ends so is nearer.
      const distance = Math.abs(number - (largest + 1));
      for (const other of [number - 2 ** bits, number + 2 ** bits]) {
        if (other >= 0) expect(Math.abs(other - (largest + 1))).toBeGreaterThanOrEqual(distance);
      }
    }
  });

  it("rebuild acknowledged numbers as the highest that is at most 2^15 above the last one sent", () => {
    for (const { lastSent, truncated, number } of kept.acknowledged) {
      if (number >= 0) expect(number % 2 ** 16).toBe(truncated);
      expect(number).toBeLessThanOrEqual(lastSent + 2 ** 15);
      expect(number + 2 ** 16).toBeGreaterThan(lastSent + 2 ** 15);
    }
  });

  it("have a refused datagram for every reason that a plain session of this layout can have", () => {
    const reasons = new Set(
      kept.traces.flatMap(({ steps }) => steps.flatMap(({ refused }) => refused ?? [])),
    );
    // A number of 2^52 is beyond a vector; nothing is sealed here, and a reserved bit is the key phase.
    const others = ["packetNumber", "seal"];
    const expected = Object.keys(dropReasons).filter((reason) => !others.includes(reason));
    expect([...reasons].sort()).toEqual(expected.sort());
  });

  it("have the edges of a receive limit: the last byte of the pool, two in a datagram, nothing limited", () => {
    const reasons = (name: string) =>
      trace(name).steps.flatMap(({ datagram, refused }) => (datagram ? [refused ?? "taken"] : []));
    const taken = (count: number): string[] => Array.from({ length: count }, () => "taken");
    expect(reasons("the receive limit: parts")).toEqual([
      ...taken(18),
      "receiveLimit",
      "receiveLimit",
      "taken",
      "taken",
      "receiveLimit",
      "taken",
    ]);
    expect(reasons("a limit where no")).toEqual(["taken", "unknownChannel", "taken"]);
    expect(reasons("a sealed session")).toEqual(["taken", "taken", "acknowledgedUnsent"]);
    expect(trace("a sealed session").steps.at(-1)!.closes).toBe("protocol-violation");
  });

  it("let a sender send what docs/wire.md says, and take limits so", () => {
    const { receiveBudgetBytes } = protocol.limits;
    const names = ["event", "chat", "shot", "map"];
    const own = Math.floor(receiveBudgetBytes / 4 / names.length);
    const parts = names.map((name) => {
      const { maxBytes } = protocol.channels.find((channel) => channel.name === name)!;
      return Math.max(own, maxBytes + 64);
    });
    const poolBytes = Math.floor((receiveBudgetBytes * 3) / 4);
    const answers = { true: 0, false: 0 };
    for (const { steps } of kept.limits) {
      const spent = names.map(() => 0);
      const handedOn = names.map(() => 0);
      const pooled = (i: number, bytes: number): number => Math.max(0, bytes - parts[i]!);
      for (const one of steps) {
        if ("limit" in one) {
          const place = one.limit % names.length;
          expect([names[place], Math.floor(one.limit / names.length)]).toEqual([
            one.says,
            one.handedOnBytes,
          ]);
          handedOn[place] = Math.max(handedOn[place]!, Math.min(one.handedOnBytes, spent[place]!));
          continue;
        }
        const place = names.indexOf(one.channel);
        const held = spent.map((bytes, i) => bytes - handedOn[i]!);
        const others = held.reduce(
          (sum, bytes, i) => sum + (i === place ? 0 : pooled(i, bytes)),
          0,
        );
        const mine = pooled(place, held[place]! + one.costBytes);
        expect(one.may, JSON.stringify(one)).toBe(mine <= (poolBytes - others) * 0.75);
        answers[`${one.may}`]++;
        if (one.may) spent[place]! += one.costBytes;
      }
    }
    expect(Math.min(answers.true, answers.false)).toBeGreaterThan(5);
  });

  it("acknowledge as the table of docs/wire.md says", () => {
    const name = "when a receiver";
    expect(step(name, "one reliable").writes).toBeUndefined();
    expect(trace(name).steps[1]).toMatchObject({ writes: [{ acks: [[0, 0]] }] });
    expect(trace(name).steps[1]!.atMs).toBeLessThanOrEqual(protocol.limits.maxAckDelayMs);
    expect(step(name, "two of").writes).toBeUndefined();
    expect(step(name, "with the next that comes after a third of max").writes).toMatchObject([
      { acks: [[0, 2]], delay: 0 },
    ]);
    expect(step(name, "a gap").writes).toMatchObject([
      {
        acks: [
          [4, 4],
          [0, 2],
        ],
      },
    ]);
    expect(step(name, "what fills").writes).toMatchObject([{ acks: [[0, 4]] }]);
    expect(step(name, "Q").writes).toMatchObject([{ acks: [[0, 5]] }]);
    expect(step(name, "nine").writes).toBeUndefined();
    expect(step(name, "the tenth").writes).toMatchObject([{ acks: [[0, 15]] }]);
    const at = trace(name).steps.indexOf(step(name, "an unreliable"));
    const [given, told] = trace(name).steps.slice(at);
    expect(given!.writes).toBeUndefined();
    expect(told).toMatchObject({ atMs: given!.atMs + 400, writes: [{ acks: [[0, 16]] }] });
    expect(step(name, "two unreliable").writes).toBeUndefined();
    expect(step(name, "with the next that comes after a third of 400").writes).toMatchObject([
      { acks: [[0, 18]], delay: 0 },
    ]);
    expect(step(name, "31").writes).toBeUndefined();
    expect(step(name, "the 32nd").writes).toMatchObject([{ acks: [[0, 50]] }]);
    expect(step(name, "a pure").writes).toBeUndefined();
  });

  it("hand each reliable message of the recorded session on once, and the newest of the sequenced", () => {
    const steps = trace("a session over").steps;
    const handed = (channel: string): number[] =>
      steps
        .flatMap(({ handsOn }) => handsOn ?? [])
        .filter((each) => each.channel === channel)
        .map(({ hex }) => Number.parseInt(hex.slice(0, 8), 16));
    const ticks = Array.from({ length: 12 }, (_, tick) => tick);
    expect(handed("chat")).toEqual(ticks);
    expect(handed("shot")).toEqual(ticks);
    expect(handed("event").sort((a, b) => a - b)).toEqual(ticks);
    expect(handed("door").at(-1)).toBe(11);
    expect(handed("level").at(-1)).toBe(11);
    for (const name of ["voice", "pose", "clip", "world"]) {
      const rounds = handed(name);
      expect(rounds).toEqual([...new Set(rounds)].sort((a, b) => a - b));
    }
  });
});
