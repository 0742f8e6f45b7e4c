/** Joining over paths that lose: what docs/joins.md says is what the machines do. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { quantile } from "../support/flows.ts";
import { CLIENTS, joins, kept, LOSSES, ONE_WAY_MS, row } from "../support/join-tables.ts";
import { sealedProtocol, World } from "../support/zero-world.ts";

it.each([
  [0.1, 1000],
  [0.3, 3000],
])(
  "lets 19 of 20 in soon, and everybody in time, where %f of all is lost each way",
  (loss, mostMs) => {
    const { tookMs, failed, amplification } = joins(loss, 20, 4);
    expect(failed).toBe(0);
    expect(tookMs).toHaveLength(4 * CLIENTS);
    expect(quantile(tookMs, 0.95)).toBeLessThan(mostMs);
    expect(amplification).toBeLessThan(1);
  },
);

it("gets in where the datagrams that matter most are lost, whichever of the first eight they are", () => {
  const slow: number[] = [];
  for (let lost = 0; lost < 256; lost++) {
    let attachedMs = Number.NaN;
    const world: World = new World({
      protocol: sealedProtocol,
      minLatencyMs: 20,
      loses: (nth) => nth <= 8 && (lost & (1 << (nth - 1))) !== 0,
      onClientEvent: (_, event) => {
        if (event.type === "attached") attachedMs = world.nowMs - 1000;
      },
    });
    world.join();
    world.runFor(10_000);
    if (!(attachedMs < 4000)) slow.push(lost);
  }
  expect(slow).toEqual([]);
});

it("is measured in docs/joins.md for each loss and distance", () => {
  const rows = readFileSync(kept, "utf8")
    .split("\n")
    .filter((line) => /^\| \d+ ms /.test(line));
  expect(rows).toHaveLength(LOSSES.length * ONE_WAY_MS.length);
  expect(rows[LOSSES.indexOf(0.1)]).toBe(row(0.1, 20));
});
