import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { head, smallest } from "../codegen/specs.ts";
import { stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("format");
const path = join(folder, "protocol.yaml");
const untidy = `${head}channels:\n  a: {delivery: reliable, id: 0, message: {x: u8}} # one\n`;

it("stardust format writes the canonical form, and then finds nothing to do", () => {
  writeFileSync(path, untidy);
  expect(stardust(folder, "format")).toMatchObject({
    code: 0,
    err: "",
    out: "protocol.yaml: formatted\n",
  });
  expect(readFileSync(path, "utf8")).toContain(
    "  a: { id: 0, delivery: reliable, message: { x: u8 } } # one\n",
  );
  expect(stardust(folder, "format", "--check")).toMatchObject({ code: 0, err: "" });
});

it("stardust format --check writes nothing, names the first line and ends with 1", () => {
  writeFileSync(path, untidy);
  const { code, err } = stardust(folder, "format", "--check");
  expect({ code, err }).toEqual({
    code: 1,
    err: "protocol.yaml:4: not in canonical form; run `stardust format`\n",
  });
  expect(readFileSync(path, "utf8")).toBe(untidy);
  const json = stardust(folder, "format", "--check", "--error-format=json").err;
  expect(JSON.parse(json)).toMatchObject({ file: "protocol.yaml", line: 4 });
  const github = stardust(folder, "format", "--check", "--error-format=github-actions").err;
  expect(github).toMatch(/^::error file=protocol.yaml,line=4::/);
});

it("stardust format refuses broken YAML, and touches nothing", () => {
  const broken = `${smallest}a: [`;
  writeFileSync(path, broken);
  const { code, err } = stardust(folder, "format");
  expect(code).toBe(1);
  expect(err).toContain("SD1004");
  expect(readFileSync(path, "utf8")).toBe(broken);
});
