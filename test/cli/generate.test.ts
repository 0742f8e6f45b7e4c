/** What `stardust generate` says of the record of versions beside the spec. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { stardust } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "stardust-generate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const record = join(folder, "protocol.versions.json");
const write = (version: number, type: string, name = "game") =>
  writeFileSync(
    join(folder, "protocol.yaml"),
    `stardust: 1\nprotocol: { name: ${name}, version: ${version} }\nsecurity: plain\nchannels:\n  hit: { id: 0, delivery: reliable, message: { who: ${type} } }\n`,
  );

beforeEach(() => {
  rmSync(record, { force: true });
  write(1, "u8");
  expect(stardust(folder, "breaking", "--record")).toMatchObject({ code: 0, err: "" });
});

describe("a record of another protocol", () => {
  it.each([
    [["generate"]],
    [["generate", "--check"]],
    [["breaking"]],
    [["breaking", "--record"]],
    [["breaking", "--against", "protocol.yaml"]],
  ])("is refused by %j, with both names and what to do", (command) => {
    write(2, "u8", "arena");
    const { code, out, err } = stardust(folder, ...command);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(
      'protocol.versions.json is the record of protocol "game", and protocol.yaml is of "arena": keep the old name, or',
    );
    expect(err).not.toContain("version-published");
  });
});

describe("a damaged record", () => {
  it.each([[["generate"]], [["generate", "--check"]], [["breaking"]]])(
    "is refused by %j, with the entry that is wrong",
    (command) => {
      writeFileSync(record, '{"format":1,"protocol":"game","versions":[{"version":7}]}');
      const { code, err } = stardust(folder, ...command);
      expect(code).toBe(2);
      expect(err).toContain(
        "protocol.versions.json is no record of versions: hash of entry 1 (version 7) is not 32 hex digits",
      );
    },
  );
});
