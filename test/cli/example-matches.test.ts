/**
 * examples/matches runs, smaller: bots in matches, each wholly in one worker, a tenth of all packets lost; a match that goes to another
 * port, a worker that ends, a network that is gone. Nothing reliable is lost or doubled, or the example does not end with 0.
 */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, stardust, temporaryFolder } from "./run.ts";

it("plays six matches of four to their end", () => {
  const folder = temporaryFolder("matches-example");
  const example = join(root, "examples/matches");
  for (const name of readdirSync(example)) {
    if (name !== "generated") cpSync(join(example, name), join(folder, name));
  }
  expect(stardust(folder, "generate", "--target", "js")).toMatchObject({ code: 0, err: "" });
  const { status, stdout, stderr } = spawnSync(process.execPath, ["start.js", "6", "6"], {
    cwd: folder,
    encoding: "utf8",
    timeout: 80_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const said = stdout.trimEnd().split("\n");
  expect(said).toHaveLength(5);
  expect(said[0]).toBe("24 bots in 6 matches, 2, 2, 1, 1 by port");
  expect(said[1]).toMatch(/^match 0 went from port \d+ to \d+ in the middle of the game$/);
  expect(said[4]).toBe("24 games are over, and each player's 6 turns have counted once");
}, 90_000);
