/** The generated face, the table of a connection, the table of kinds and the ends of rings refuse what they must when compiled: the files beside say what. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

it("wrong channels, members, directions, options, states, events, records and incomplete kinds are errors of the compiler", () => {
  const tsc = path("../../node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", path("tsconfig.json")], {
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
