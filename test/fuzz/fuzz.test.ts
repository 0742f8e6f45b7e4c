/** `npm run fuzz` as its user runs it, and in short: no decoder is wrong, and nearly every branch of them is reached. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { zeroStages } from "#fuzz/zero.js";
import { clientStates, serverStates } from "#src/zero/own-messages.js";
import { skipWithoutNative } from "../support/native-sockets.ts";

const main = fileURLToPath(new URL("../../dist/fuzz/main.js", import.meta.url));

function fuzz(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
}

test("a short run finds no fault and reaches 95 % of the decoders' branches", {
  timeout: 120_000,
}, () => {
  const seed = 1;
  const { status, stdout, stderr } = fuzz("--cases", "160000", "--seed", String(seed), "--json");
  expect(stderr).toBe(`seed ${seed}, ${stderr.split(", ").slice(1).join(", ")}`);
  const result = JSON.parse(stdout);
  expect(result.failures).toEqual([]);
  expect(status).toBe(0);
  expect(result).toMatchObject({ seed, cases: 160_000 });
  // Of every target, inputs of both kinds: a decoder that is never content, or always, is not fuzzed.
  // Of zero messages and sessions few are, which in one spec's share of the cases may be none: all specs count together.
  const together: Record<string, Record<"cases" | "accepted" | "refused", number>> = {};
  for (const [name, { cases, accepted, refused }] of Object.entries<Record<string, number>>(
    result.targets,
  )) {
    expect(accepted! + refused!, name).toBe(cases);
    const target = name.split(" ").at(-1)!;
    const counted = target === "zero" || target === "session" ? target : name;
    together[counted] ??= { cases: 0, accepted: 0, refused: 0 };
    together[counted].cases += cases!;
    together[counted].accepted += accepted!;
    together[counted].refused += refused!;
  }
  for (const [name, { cases, accepted, refused }] of Object.entries(together)) {
    expect(accepted, name).toBeGreaterThan(cases / 20);
    expect(refused, name).toBeGreaterThan(0);
  }
  const missed = result.coverage.flatMap((c: { spec: string; missed: string[] }) =>
    c.missed.map((branch) => `${c.spec} ${branch}`),
  );
  expect(result.branches.reached / result.branches.total, missed.join("\n")).toBeGreaterThan(0.95);
});

test("every state of the connection protocol is reached on both sides", () => {
  const reached = new Set(zeroStages.map(({ side, state }) => `${side} ${state}`));
  const states = [
    ...Object.keys(clientStates).map((state) => `client ${state}`),
    // A server forgets what is closed, and listens.
    ...Object.keys(serverStates).flatMap((state) => (state === "closed" ? [] : `server ${state}`)),
  ];
  expect([...reached].sort()).toEqual(states.sort());
});

test("whatever a message of the connection protocol says, in whatever state, it does what the tables say", {
  timeout: 120_000,
}, () => {
  const { status, stdout } = fuzz("--target", "zero", "--cases", "3000", "--seed", "1", "--json");
  const { failures, cases } = JSON.parse(stdout);
  expect(failures).toEqual([]);
  expect({ cases, status }).toEqual({ cases: 3000, status: 0 });
});

// Native sockets are there only where a C compiler is.
test.skipIf(skipWithoutNative)(
  "calls of the native sockets that make no sense do no harm",
  {
    timeout: 60_000,
  },
  () => {
    const ran = fuzz("--target", "native", "--cases", "30000", "--seed", "1");
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout).toMatch(
      /^seed 1, .*\n30000 calls: [1-9]\d+ returned, [1-9]\d+ were refused, .*\nnothing was wrong\n$/,
    );
  },
);

test("a case by its number is the case of the run", () => {
  const { status, stdout } = fuzz("--seed", "1", "--case", "4866", "--spec", "robot", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ cases: 1, coverage: [], failures: [] });
});

test("help, and wrong use", () => {
  expect(fuzz("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("--cases N") });
  expect(fuzz("--cases", "many")).toMatchObject({
    status: 2,
    stderr: '--cases takes a whole number from 0 to 2147483647, not "many"\n',
  });
  expect(fuzz("--spec", "nowhere")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^there is no spec nowhere; there are arena, .*robot/),
  });
});

test("Ctrl-C ends it with a summary", { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, [main, "--cases", "2000000000", "--seed", "1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (stdout === "") setTimeout(() => child.kill("SIGINT"), 500);
    stdout += text;
  });
  const [status] = await once(child, "close");
  expect(stdout).toMatch(/\n\d+ cases in [\d.]+ s: .*\nno decoder was wrong\n$/);
  expect(status).toBe(130);
});
