/** The tables of docs/congestion.md are what the code does: a few cells of each are made again, from the same seed. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  delivery,
  goodput,
  kept,
  LOSSES,
  names,
  ROUND_TRIPS_MS,
} from "../support/congestion-tables.ts";

const tables = readFileSync(kept, "utf8").split("<!-- table -->").slice(1);

function cell(table: string, name: string, loss: number, rttMs: number): string | undefined {
  const rows = table.split("\n").map((row) => row.split("|").map((text) => text.trim()));
  const row = rows.find((cells) => cells[1] === `\`${name}\`` && cells[2] === `${loss * 100} %`);
  return row?.[3 + ROUND_TRIPS_MS.indexOf(rttMs)];
}

describe("docs/congestion.md", () => {
  test("has a cell for each controller, loss and round trip", () => {
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      for (const name of names) {
        for (const loss of LOSSES) {
          for (const rttMs of ROUND_TRIPS_MS) expect(cell(table, name, loss, rttMs)).toMatch(/^\d/);
        }
      }
    }
  });

  const some = [
    ["stardust", 0, 50],
    ["stardust", 0.01, 50],
    ["stardust", 0.05, 20],
    ["stardust", 0.2, 300],
    ["newreno", 0.01, 150],
    ["fixed", 0, 300],
  ] as const;
  test.each(some)("keeps what %s makes of a loss of %f over %i ms", (name, loss, rttMs) => {
    expect(goodput(name, loss, rttMs)).toBe(cell(tables[0]!, name, loss, rttMs));
    expect(delivery(name, loss, rttMs)).toBe(cell(tables[1]!, name, loss, rttMs));
  });
});
