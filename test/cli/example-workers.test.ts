/** examples/workers runs: the same arenas in the workers and on one thread, with players, and what it prints of both. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, stardust, temporaryFolder } from "./run.ts";

it("tells players of their arena wherever it is simulated, and how it keeps up", () => {
  const folder = temporaryFolder("workers-example");
  const example = join(root, "examples/workers");
  for (const name of readdirSync(example)) {
    if (name !== "generated") cpSync(join(example, name), join(folder, name));
  }
  expect(stardust(folder, "generate", "--target", "js")).toMatchObject({ code: 0, err: "" });
  const args = ["measure.js", "--seconds", "3", "--players", "3", "--ports", "2"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, BALLS: "50" },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const told = [
    ...stdout.matchAll(/^(one-thread|workers) +a player was told (\d+\.\d) times a second; /gm),
  ];
  expect(told.map(([, where]) => where)).toEqual(["one-thread", "workers"]);
  for (const [, , perSecond] of told) expect(Number(perSecond)).toBeGreaterThan(1);
}, 90_000);
