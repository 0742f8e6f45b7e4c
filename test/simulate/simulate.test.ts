/** `npm run simulate` as its user runs it. What it finds is in planted.test.ts, the many runs are in `.ci/run`. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Session } from "stardust-udp/testing";
import { describe, expect, test } from "vitest";
import { run, selectionOf } from "#simulate/run.js";
import { links, scenarioOf } from "#simulate/scenario.js";
import { protocolOf } from "#simulate/specs.js";

const main = fileURLToPath(new URL("../../dist/simulate/main.js", import.meta.url));

function simulate(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
}

test("a short run meets every mode and link, and breaks no promise", {
  timeout: 120_000,
}, async () => {
  const all = selectionOf(await protocolOf("plain"));
  const cells = all.modes.length * all.links.length;
  const { status, stdout, stderr } = simulate("--runs", `${cells}`, "--seed", "5", "--json");
  expect(stderr).toMatch(/^seed 5\n/);
  expect(stderr).toMatch(/\nevery promise was kept\n$/);
  expect(status).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ seed: 5, runs: cells, failures: [] });
  expect(Object.keys(result.tallies)).toHaveLength(cells);
  for (const [cell, tally] of Object.entries<Record<string, number>>(result.tallies)) {
    expect(tally["runs"], cell).toBe(1);
    expect(tally["sent"], cell).toBeGreaterThanOrEqual(100);
    // One run a cell: of messages in twenty slices none may be whole where half of all datagrams are lost.
    if (!/[59]0 %$/.test(cell)) expect(tally["delivered"], cell).toBeGreaterThan(0);
  }
});

test("sealed sessions keep every promise on every kind of link, damaged ones too", {
  timeout: 120_000,
}, async () => {
  const runs = 2 * Object.keys(links).length;
  const sealed = ["--spec", "sealed", "--mode", "all", "--json"];
  const { status, stdout } = simulate("--runs", `${runs}`, "--seed", "5", ...sealed);
  expect(JSON.parse(stdout)).toMatchObject({ runs, failures: [] });
  expect(status).toBe(0);
  const spec = (name: string) =>
    readFileSync(new URL(`../specs/${name}.yaml`, import.meta.url), "utf8").split("\nlimits:")[1];
  expect(spec("modes-sealed")).toBe(spec("modes"));
  expect((await protocolOf("sealed")).security).toBe("sealed");
});

test("with another header, and messages that are not sent once they are old, every promise is kept", {
  timeout: 120_000,
}, async () => {
  const runs = Object.keys(links).length;
  const layout = ["--spec", "layout", "--mode", "all", "--json"];
  const { status, stdout } = simulate("--runs", `${runs}`, "--seed", "5", ...layout);
  expect(JSON.parse(stdout)).toMatchObject({ runs, failures: [] });
  expect(status).toBe(0);
  const { channels, header } = await protocolOf("layout");
  expect(header.messageNumberBits).not.toBe((await protocolOf("plain")).header.messageNumberBits);
  const named = (all: typeof channels) => all.map(({ name, delivery }) => `${name} ${delivery}`);
  expect(named(channels)).toEqual(named((await protocolOf("plain")).channels));
  expect(channels.some(({ maxAgeMs }) => maxAgeMs !== undefined)).toBe(true);
});

test("threads share the runs out and count the same", { timeout: 60_000 }, () => {
  const counts = (...args: string[]) => {
    const { seconds: _, ...result } = JSON.parse(
      simulate("--runs", "20", "--seed", "6", "--link", "cut", "--json", ...args).stdout,
    );
    return result;
  };
  const one = counts();
  expect(one.runs).toBe(20);
  expect(counts("--workers", "3")).toEqual(one);
});

test("a run by its number is the run of all, a trace of it can be kept", async () => {
  const protocol = await protocolOf("plain");
  const all = selectionOf(protocol);
  const seed = 7;
  const report = await run({ protocol, Session, seed, from: 8, to: 9, ...all });
  const folder = new URL("../tmp/simulate/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [file, begins] of [
    ["trace.txt", "       0.000 client > server  sent       #"],
    ["trace.sqlog", '\x1e{"qlog_version":"0.3"'],
  ] as const) {
    const path = fileURLToPath(new URL(file, folder));
    const { status, stdout } = simulate("--seed", "7", "--run", "8", "--json", "--trace", path);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).tallies).toEqual(report.tallies);
    expect(readFileSync(path, "utf8").slice(0, begins.length)).toBe(begins);
  }
  const scenario = JSON.stringify(scenarioOf(seed, 8, all.modes, all.links));
  const again = simulate("--scenario", scenario, "--json");
  expect(JSON.parse(again.stdout).tallies).toEqual(report.tallies);
});

describe("help, and wrong use:", () => {
  test.each([
    [["--runs", "many"], '--runs takes a whole number from 0 to 2147483647, not "many"\n'],
    [["--link", "fine"], `--link is one of ${Object.keys(links).join(", ")}, not "fine"\n`],
    [["--scenario", "{"], /^--scenario is no JSON: /],
    [["--mode", "none"], /^--mode is one of unreliable, .*, all, not "none"\n$/],
  ])("%j", (args, message) => {
    const { status, stderr } = simulate(...args);
    expect(status).toBe(2);
    if (typeof message === "string") expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
  });

  test("--help", () => {
    expect(simulate("--help")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("--runs N"),
    });
  });
});

test.each([[[]], [["--workers", "2"]]])(
  "Ctrl-C ends it with the table: %j",
  { timeout: 60_000 },
  async (args) => {
    const child = spawn(process.execPath, [main, "--runs", "2000000", "--seed", "1", ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (stdout === "") setTimeout(() => child.kill("SIGINT"), 1000);
      stdout += text;
    });
    const [status] = await once(child, "close");
    expect(stdout).toMatch(/^seed 1\n +unreliable .*\nclean /);
    expect(stdout).toMatch(/\n\d+ runs in [\d.]+ s: .*\nevery promise was kept\n$/);
    expect(status).toBe(130);
  },
);
