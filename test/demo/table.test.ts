/** The table of the demo, in terminals of any size. */
import { expect, it } from "vitest";
import { tableLines } from "#demo/table.js";

const row = (port: number) => ({
  port,
  peers: 4,
  messagesIn: 80,
  messagesOut: 322,
  datagramsIn: 81,
  datagramsOut: 164,
  lost: 0,
});
const rows = [row(12341), row(12342), row(12343)];
const footer = "12 joined, 0 left, RTT 0.4 ms, 17 s";

it("has no line that wraps and no more lines than there are, whatever the terminal", () => {
  for (let width = 5; width < 120; width++) {
    for (const height of [4, 5, 10, 24]) {
      const lines = tableLines(rows, footer, width, height);
      expect(lines.length).toBeLessThan(height);
      for (const line of lines) expect(line.length, `${width}: ${line}`).toBeLessThan(width);
    }
  }
});

it("leaves out columns where 50 do not hold all, and cuts no number", () => {
  expect(tableLines(rows, footer, 50, 24)).toEqual([
    "  port   peers   msg/s in  msg/s out   lost",
    ...rows.map(({ port }) => ` ${port}       4         80        322      0`),
    footer,
  ]);
});

it("says how many ports it leaves out where there are more than lines", () => {
  const many = Array.from({ length: 50 }, (_, i) => row(20_000 + i));
  expect(tableLines(many, footer, 100, 10)).toHaveLength(9);
  expect(tableLines(many, footer, 100, 10).at(-2)).toBe("  44 more ports");
});
