/** What `stardust generate` says of the record of versions beside the spec. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

describe("the notes of generate", () => {
  const note =
    "version 1 was published with another hash: raise `protocol.version` before you publish";
  const otherHash = () => {
    const data = JSON.parse(readFileSync(record, "utf8")) as { versions: { hash: string }[] };
    data.versions[0]!.hash = "0".repeat(32);
    writeFileSync(record, JSON.stringify(data));
  };

  it("say that the version was published with another hash, and change no exit code", () => {
    write(1, "u16");
    const { code, out, err } = stardust(folder, "generate");
    expect(code).toBe(0);
    expect(out).toContain("files written");
    expect(err).toContain(`protocol.yaml:2:25 warning version-published: ${note}`);
    const check = stardust(folder, "generate", "--check");
    expect(check).toMatchObject({ code: 0, out: "generated: up to date\n" });
    expect(check.err).toContain(note);
  });

  it("say which recorded version this generator no longer makes of its spec", () => {
    otherHash();
    write(2, "u8");
    const { code, err } = stardust(folder, "generate");
    expect(code).toBe(0);
    expect(err).toContain(
      `warning version-unreadable: version 1 is recorded with hash ${"0".repeat(32)}, which this generator does not make of its spec: its peers are refused`,
    );
    expect(stardust(folder, "explain", "version-unreadable").out).toContain("record warning");
    // As long as it stands in the record so.
    expect(stardust(folder, "breaking", "--record").code).toBe(0);
    expect(stardust(folder, "generate").err).toContain("version-unreadable: version 1");
  });

  it("are warnings in JSON and GitHub's annotations", () => {
    write(1, "u16");
    const json = stardust(folder, "generate", "--error-format", "json");
    expect(json).toMatchObject({ code: 0, out: "" });
    expect(JSON.parse(json.err)).toMatchObject({
      diagnostics: [{ code: "version-published", severity: "warning", message: note, line: 2 }],
    });
    const github = stardust(folder, "generate", "--error-format", "github-actions");
    expect(github.code).toBe(0);
    expect(github.err).toMatch(/^::warning file=protocol.yaml,line=2,.*was published with another/);
  });

  it("are none where all is well", () => {
    expect(stardust(folder, "generate")).toMatchObject({ code: 0, err: "" });
    write(2, "u16");
    expect(stardust(folder, "generate")).toMatchObject({ code: 0, err: "" });
    expect(stardust(folder, "breaking", "--record")).toMatchObject({ code: 0 });
    expect(stardust(folder, "generate")).toMatchObject({ code: 0, err: "" });
  });
});
