/** What the runtime knows of its own messages is what zero.yaml says, and is not said by hand a second time. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { clientStates, messages, serverStates } from "#src/zero/own-messages.js";
import { zeroYaml } from "../support/hand-zero.ts";

it("is made from zero.yaml, and up to date", () => {
  const script = fileURLToPath(new URL("../../scripts/zero-messages.js", import.meta.url));
  const said = execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(said).toContain("is what zero.yaml says");
});

it("has the states, and who sends which message with a MAC", () => {
  expect({ client: clientStates, server: serverStates }).toEqual(zeroYaml.states);
  const told = Object.entries(zeroYaml.messages).map(([name, { from }]) => [
    name,
    { from, mac: zeroYaml.facts[name]!.mac },
  ]);
  expect(messages).toEqual(Object.fromEntries(told));
});
