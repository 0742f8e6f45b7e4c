/** examples/tokens runs: a backend, a server that lets in whom it sends, and those whom it does not. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, stardust, temporaryFolder } from "./run.ts";

it("lets in who has logged in, once, and nobody else", () => {
  const folder = temporaryFolder("tokens-example");
  const example = join(root, "examples/tokens");
  for (const name of readdirSync(example)) {
    if (name !== "generated") cpSync(join(example, name), join(folder, name));
  }
  expect(stardust(folder, "generate", "--target", "js")).toMatchObject({ code: 0, err: "" });
  const { status, stdout, stderr } = spawnSync(process.execPath, ["start.js"], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.split("\n")).toEqual([
    "ada: is in",
    "ada's token again: token used",
    "who has no token: token missing",
    "who has made one: token of an unknown issuer",
    "bob: banned",
    "eve: wrong name or password",
    "ada says hello",
    "",
  ]);
}, 90_000);
