/** The soak notices what it is for: what it finds in minutes of chance is planted here. CI runs it for two minutes beside this. */
import { spawnSync } from "node:child_process";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { Account } from "#soak/account.js";
import { held, leakSince } from "#soak/measures.js";
import { parseOptions } from "#soak/options.js";
import { soak } from "#soak/soak.js";
import { root } from "../cli/run.ts";

describe("a soak", () => {
  it("whose clients send nothing again that was lost fails, and says what is missing", async () => {
    const run = soak({
      seed: 1,
      steps: 400,
      crashes: 0,
      resend: false,
      restMs: 3000,
      goesOn: () => false,
    });
    const failed = await run.catch((error: Error) => error);
    expect(String(failed)).toMatch(/something never came true: .*\n.*under way/);
    expect(String(failed)).toContain("the last decisions:");
  });

  it("keeps every promise in a round, with workers that die", async () => {
    const result = await soak({ seed: 3, steps: 500, crashes: 5, goesOn: () => false });
    expect(result.joins).toBeGreaterThan(8);
    expect(result.received).toBeGreaterThan(100);
    expect(result.refused).toBeGreaterThan(0);
    expect([...result.last.workers.values()].map(({ heapBytes }) => heapBytes > 2 ** 20)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it.each([
    ["heap", "the heap"],
    ["buffers", "buffers"],
  ])("whose workers leak in their %s fails, and says which thread", async (where, what) => {
    const systems = new URL(`../support/leaking-systems.mjs?${where}`, import.meta.url);
    const run = soak({ seed: 2, steps: 150, crashes: 0, systems, goesOn: (rounds) => rounds < 20 });
    const failed = await run.catch((error: Error) => error);
    const leak = `after round \\d+ ${what} of worker thread \\d+ grew from \\d+ to \\d+`;
    expect(String(failed)).toMatch(new RegExp(leak));
  });

  it("prints its seed and the command that does it again", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [`${root}/dist/soak/main.js`, "--minutes", "x"],
      {
        encoding: "utf8",
      },
    );
    expect(status).toBe(2);
    expect(stderr).toContain('--minutes takes a number from 0.01 to 10000, not "x"');
    expect(parseOptions(["--minutes", "3", "--seed", "9"])).toEqual({ minutes: 3, seed: 9 });
  });
});

describe("its account", () => {
  const account = (): Account => {
    const made = new Account("here");
    for (const n of [1, 2, 3]) made.taken("line", n);
    for (const n of [4, 5]) made.taken("loose", n);
    return made;
  };

  it("is even when all has come, unordered channels in any order", () => {
    const even = account();
    even.came("loose", 5);
    for (const n of [1, 2, 3]) even.came("line", n);
    expect(even.underWay).toBe(1);
    even.came("loose", 4);
    expect([even.underWay, even.received]).toEqual([0, 5]);
  });

  it.each([
    ["out of order", () => account().came("line", 2), "here: line 2 came, and 1 was next"],
    ["of nothing", () => account().came("loose", 9), "here: loose 9 came twice, or was never sent"],
  ])("refuses what comes %s", (_, come, problem) => {
    expect(come).toThrow(problem);
  });

  it("refuses what comes twice", () => {
    const twice = account();
    twice.came("loose", 4);
    expect(() => twice.came("loose", 4)).toThrow("came twice");
  });
});

describe("its measures", () => {
  it("see objects, buffers and handles that stay", () => {
    const first = held();
    expect(leakSince(first, held())).toBe(undefined);
    const objects = Array.from({ length: 400_000 }, (_, i) => ({ i, next: [i] }));
    expect(leakSince(first, held())).toMatch(/^the heap grew from/);
    objects.length = 0;
    const channels = Array.from({ length: 4 }, () => new MessageChannel());
    for (const { port1 } of channels) port1.on("message", () => {});
    expect(leakSince(first, held())).toMatch(/^handles of MessagePort grew from/);
    for (const { port1 } of channels) port1.close();
    const buffers = Array.from({ length: 32 }, () => new Uint8Array(2 ** 20).fill(1));
    expect(leakSince(first, held())).toMatch(/^buffers grew from/);
    expect(buffers).toHaveLength(32);
  });
});
