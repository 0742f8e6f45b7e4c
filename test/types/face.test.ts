/** The generated face refuses what it must when it is compiled: face.ts says what. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

it("wrong channels, members, directions and options are errors of the compiler, and state is inferred", () => {
  const tsc = path("../../node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", path("tsconfig.json")], {
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
