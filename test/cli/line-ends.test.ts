/** A checkout whose files all have CRLF line ends, as git makes it on Windows: every check finds what it finds elsewhere. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { head } from "../codegen/specs.ts";
import { stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("line-ends");
const path = join(folder, "protocol.yaml");
const record = join(folder, "protocol.versions.json");
const spec = `# Two lines
# of comment.

${head}
channels: # the channels
  # stardust-allow: doc-missing
  a:
    id: 0
    delivery: reliable
    message:
      x: { type: u8, doc: "one line" }
      y:
        type: u8
        doc: |
          a block
          of lines
      z:
        type: u8
        doc: >
          a folded text
      q: u8 # stardust-allow: doc-missing
`;

const files = () =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => statSync(file).isFile());
const toCrlf = () => {
  for (const file of files()) {
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\r\n"));
  }
};

beforeEach(() => {
  for (const file of files()) rmSync(file);
  writeFileSync(path, spec);
});

describe("a checkout with CRLF line ends", () => {
  it("is up to date to generate --check, and nothing is written", () => {
    stardust(folder, "breaking", "--record");
    stardust(folder, "generate");
    toCrlf();
    expect(stardust(folder, "generate", "--check")).toMatchObject({ code: 0, err: "" });
    expect(stardust(folder, "generate").out).toMatch(/: 0 of \d+ files written/);
  });

  it("still loses what the spec no longer generates, by the list of JSON files too", () => {
    // JSON has no comment that could mark it, so there is a list where some is generated.
    writeFileSync(path, `${spec}generate: { with: [model] }\n`);
    stardust(folder, "generate");
    const list = join(folder, "generated/.stardust-files");
    writeFileSync(list, `${readFileSync(list, "utf8")}old.json\n`);
    writeFileSync(join(folder, "generated/old.json"), "{}\n");
    toCrlf();
    expect(stardust(folder, "generate", "--check").err).toContain("old.json: left over");
  });

  it("is in canonical form to format --check, and stays as it is", () => {
    expect(stardust(folder, "format", "--check")).toMatchObject({ code: 0, err: "" });
    toCrlf();
    const before = readFileSync(path, "utf8");
    expect(stardust(folder, "format", "--check")).toMatchObject({ code: 0, err: "" });
    expect(stardust(folder, "format").out).toContain("in canonical form");
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  it("keeps its line ends where format changes it; a mixture becomes LF", () => {
    const untidy = spec.replace("{ type: u8, doc", "{type: u8,  doc");
    writeFileSync(path, untidy.replaceAll("\n", "\r\n"));
    const check = stardust(folder, "format", "--check");
    expect(check).toMatchObject({ code: 1 });
    expect(check.err).toContain(`protocol.yaml:${lineOf("one line")}: not in canonical form`);
    stardust(folder, "format");
    expect(readFileSync(path, "utf8")).toBe(spec.replaceAll("\n", "\r\n"));
    writeFileSync(path, spec.replace("\n", "\r\n"));
    expect(stardust(folder, "format", "--check")).toMatchObject({ code: 1 });
    stardust(folder, "format");
    expect(readFileSync(path, "utf8")).toBe(spec);
  });

  it("has the same findings, and the same entry in the record", () => {
    const lint = stardust(folder, "lint");
    expect(lint.err).not.toBe("");
    stardust(folder, "breaking", "--record");
    const recorded = readFileSync(record, "utf8");
    rmSync(record);
    toCrlf();
    expect(stardust(folder, "lint")).toEqual(lint);
    stardust(folder, "breaking", "--record");
    expect(readFileSync(record, "utf8")).toBe(recorded);
    expect(stardust(folder, "breaking").out).toContain("nothing differs");
  });
});

function lineOf(text: string): number {
  return spec.slice(0, spec.indexOf(text)).split("\n").length;
}
