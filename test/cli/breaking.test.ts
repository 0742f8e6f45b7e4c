import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { main, stardust, stardustWith } from "./run.ts";

// Outside of the repository, whose history is not the test's.
const folder = mkdtempSync(join(tmpdir(), "stardust-breaking-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (text: string, file = "protocol.yaml") => writeFileSync(join(folder, file), text);
const record = join(folder, "protocol.versions.json");

const spec = (version: number, members: string, more = "") => `stardust: 1
protocol: { name: game, version: ${version} }
security: plain
channels:
  hit:
    id: 0
    delivery: reliable
    direction: both
    message:
${members.replace(/^/gm, "      ")}
${more}`;
const one = spec(1, "who: u16\ndamage: u8");
const two = spec(2, "who: u16");
const grown = spec(
  3,
  "who: u16",
  "  miss: { id: 1, delivery: reliable, direction: both, message: {} }\n",
);

/** Runs git as nobody's child: the tests themselves may be run by a hook of another repository. */
function gitIn(cwd: string): (...args: string[]) => void {
  const names = execFileSync("git", ["rev-parse", "--local-env-vars"], { encoding: "utf8" });
  const env = { ...process.env };
  for (const name of names.split("\n")) delete env[name];
  const author = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
  return (...args) => {
    execFileSync("git", [...author, ...args], { cwd, env, stdio: "pipe" });
  };
}

beforeEach(() => {
  rmSync(record, { force: true });
  write(one, "old.yaml");
  write(two);
});

describe("stardust breaking", () => {
  it("names the rule, the member, and the lines of both, and ends with 1", () => {
    const { code, out, err } = stardust(folder, "breaking", "--against", "old.yaml");
    expect(code).toBe(1);
    expect(err).toContain(
      "protocol.yaml:5:3 error member-removed: channel `hit` has lost its member `damage`",
    );
    expect(err).toContain("(before, old.yaml:11: `damage: u8`)");
    expect(err).toContain("keep the member");
    expect(err).not.toContain("\u001b");
    expect(out).toContain("compatible version-changed");
    expect(out).toMatch(/1 breaking and 1 compatible changes since old.yaml .*cannot talk/);
  });

  it("ends with 0 where nothing breaks, and says what changed", () => {
    write(two, "old.yaml");
    write(grown);
    const { code, out, err } = stardust(folder, "breaking", "protocol.yaml", "--against=old.yaml");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(
      "protocol.yaml:11 compatible channel-added: channel `miss` (id 1) is new",
    );
    expect(out).toContain("peers of both can talk");
    write(grown, "old.yaml");
    expect(stardust(folder, "breaking", "--against", "old.yaml").out).toContain("nothing differs");
  });

  it("says that the older version must be in the record before the newer one is generated", () => {
    write(spec(1, "who: u16", "  miss: { id: 1, delivery: reliable, message: {} }\n"));
    write(spec(1, "who: u16"), "old.yaml");
    const same = stardust(folder, "breaking", "--against", "old.yaml");
    const recorded = "can talk, if version 1 was recorded (--record) before this one is generated";
    expect(same.out).toContain(`${recorded}; raise protocol.version above 1 if that one was\n`);
    write(spec(2, "who: u16", "  miss: { id: 1, delivery: reliable, message: {} }\n"));
    const raised = stardust(folder, "breaking", "--against", "old.yaml");
    expect(raised.out).toContain(`${recorded}\n`);
    write(spec(1, "who: { type: u16, doc: Who. }"));
    const talks = stardust(folder, "breaking", "--against", "old.yaml");
    expect(talks.out).toMatch(/peers of both can talk\n/);
  });

  it("names what a message has grown by", () => {
    const version = (number: number, more: string) =>
      spec(number, `who: u16${more}`).replace("message:", "extensible: true\n    message:");
    write(version(1, ""), "old.yaml");
    write(version(2, "\narmour: { type: u8, since: 2, default: 5 }"));
    const { code, out } = stardust(folder, "breaking", "--against", "old.yaml");
    expect(code).toBe(0);
    expect(out).toContain("has a new member `armour` since version 2");
  });

  it("speaks JSON and GitHub's annotations", () => {
    const json = stardust(folder, "breaking", "--against", "old.yaml", "--error-format", "json");
    expect(JSON.parse(json.err)).toMatchObject({
      older: { file: "old.yaml", version: 1 },
      newer: { file: "protocol.yaml", version: 2 },
      diagnostics: [{ code: "member-removed", line: 5, column: 3, olderLine: 11 }],
      compatible: [{ rule: "version-changed" }],
    });
    const github = ["breaking", "--against", "old.yaml", "--error-format", "github-actions"];
    expect(stardust(folder, ...github).err).toMatch(/^::error file=protocol.yaml,line=5,col=3,/);
  });

  it("compares with a git revision, of a spec in a folder too", () => {
    const git = gitIn(folder);
    git("init", "-q");
    mkdirSync(join(folder, "sub dir"));
    write(one);
    write(one, "sub dir/p.yaml");
    git("add", ".");
    git("commit", "-qm", "one");
    git("tag", "v1");
    write(two);
    write(two, "sub dir/p.yaml");
    const { code, err } = stardust(folder, "breaking", "--against", "v1");
    expect(code).toBe(1);
    expect(err).toContain("(before, v1:protocol.yaml:11: `damage: u8`)");
    expect(stardust(folder, "breaking", "sub dir/p.yaml", "--against", "HEAD")).toMatchObject({
      code: 1,
    });
    expect(stardust(folder, "breaking", "--against", "v1:sub dir/p.yaml").code).toBe(1);
    const unknown = stardust(folder, "breaking", "--against", "v9");
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/"v9" is neither a file nor a git revision with this spec/);
    expect(stardust(folder, "breaking", "--against=--output=x")).toMatchObject({ code: 2 });
  });

  it("reads the same file in a hook, whose variables name a repository by a relative path", () => {
    const repository = mkdtempSync(join(folder, "hook-"));
    const git = gitIn(repository);
    git("init", "-q");
    mkdirSync(join(repository, "sub"));
    writeFileSync(join(repository, "protocol.yaml"), grown);
    writeFileSync(join(repository, "sub/protocol.yaml"), one);
    git("add", ".");
    git("commit", "-qm", "one");
    const [node, script] = [process.execPath, main].map((text) => JSON.stringify(text));
    const command = `${node} ${script} breaking sub/protocol.yaml --against HEAD`;
    const hook = `#!/bin/sh\nexport GIT_DIR GIT_WORK_TREE=.\n${command} >hook.log 2>&1\nexit 0\n`;
    writeFileSync(join(repository, ".git/hooks/pre-commit"), hook, { mode: 0o755 });
    writeFileSync(join(repository, "sub/protocol.yaml"), two);
    git("commit", "-qam", "two");
    const log = readFileSync(join(repository, "hook.log"), "utf8");
    expect(log).toContain("(before, HEAD:sub/protocol.yaml:11: `damage: u8`)");
    expect(log).toContain("1 breaking and 1 compatible changes");
  });

  it("says so where git is missing", () => {
    const { code, err } = stardustWith({ PATH: "" }, folder, "breaking", "--against", "main");
    expect(code).toBe(2);
    expect(err).toContain("git, which could know such a revision, is not installed");
  });

  it("needs something to compare with, and one that can be read", () => {
    const nothing = stardust(folder, "breaking");
    expect(nothing.code).toBe(2);
    expect(nothing.err).toContain("--against");
    write("stardust: 2\n", "old.yaml");
    const broken = stardust(folder, "breaking", "--against", "old.yaml");
    expect(broken.code).toBe(2);
    expect(broken.err).toContain("old.yaml:1:11 error SD1105");
    write("stardust: 2\n");
    expect(stardust(folder, "breaking", "--against", "old.yaml").code).toBe(1);
  });
});

describe("stardust breaking --record", () => {
  const versions = () =>
    (JSON.parse(readFileSync(record, "utf8")) as { versions: Record<string, unknown>[] }).versions;

  it("publishes a version with its channels, sizes and whom it can talk to", () => {
    expect(stardust(folder, "breaking", "--record")).toMatchObject({ code: 0, err: "" });
    write(grown);
    const { code, out } = stardust(folder, "breaking", "--record");
    expect(code).toBe(0);
    expect(out).toContain("protocol.versions.json: version 3 recorded");
    expect(out).toContain("version 2 can talk to it");
    const [first, second] = versions();
    expect(first).toMatchObject({
      version: 2,
      channels: [{ id: 0, name: "hit", delivery: "reliable", minBytes: 2, maxBytes: 2 }],
      compatible: [],
    });
    expect(second).toMatchObject({ version: 3, compatible: [first!["hash"]] });
    const before = readFileSync(record, "utf8");
    expect(stardust(folder, "breaking", "--record")).toMatchObject({ code: 0 });
    expect(readFileSync(record, "utf8")).toBe(before);
  });

  it("calls a version that has grown one that can talk, also to several before it", () => {
    const member = (since: number) => `\nm${since}: { type: u8, since: ${since} }`;
    const version = (number: number, more: string) =>
      spec(number, `who: u16${more}`).replace("message:", "extensible: true\n    message:");
    for (const text of [version(1, ""), version(2, member(2)), version(5, member(2) + member(5))]) {
      write(text);
      expect(stardust(folder, "breaking", "--record")).toMatchObject({ code: 0, err: "" });
    }
    const [one, two, five] = versions();
    expect(five!["compatible"]).toEqual([two!["hash"], one!["hash"]]);
  });

  it("refuses a number that was published with another hash, or that is below the newest", () => {
    stardust(folder, "breaking", "--record");
    write(spec(2, "who: u32"));
    const again = stardust(folder, "breaking", "--record");
    expect(again.code).toBe(1);
    expect(again.err).toContain("raise `protocol.version`");
    expect(again.err).toMatch(/protocol.yaml:2:\d+ error version-published/);
    write(spec(1, "who: u32"));
    expect(stardust(folder, "breaking", "--record").code).toBe(1);
    expect(versions()).toHaveLength(1);
  });

  it("records a break under a new number, as one that does not talk", () => {
    write(one);
    stardust(folder, "breaking", "--record");
    write(two);
    const { code, out, err } = stardust(folder, "breaking", "--record");
    expect(code).toBe(0);
    expect(err).toContain("member-removed");
    expect(out).toContain("version 1 cannot talk to it: member-removed");
    const [first, second] = versions();
    expect(second).toMatchObject({
      version: 2,
      compatible: [],
      incompatible: [{ hash: first!["hash"], differs: ["channel hit"] }],
    });
  });

  it("lets later versions be compared with the last one without a name", () => {
    stardust(folder, "breaking", "--record");
    write(spec(3, "who: u32"));
    const { code, err } = stardust(folder, "breaking");
    expect(code).toBe(1);
    expect(err).toContain("protocol.versions.json#2:10: `who: u16`");
  });

  it("publishes after a version whose spec can no longer be read", () => {
    stardust(folder, "breaking", "--record");
    writeFileSync(record, readFileSync(record, "utf8").replace("stardust: 1", "stardust: 0"));
    write(grown);
    const { code, out, err } = stardust(folder, "breaking", "--record");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("version 2 means something else to this generator");
    expect(versions()[1]).toMatchObject({
      version: 3,
      compatible: [],
      incompatible: [{ differs: ["another generator"] }],
    });
  });

  it("takes no damaged record for an empty one", () => {
    writeFileSync(record, "{ oops");
    expect(stardust(folder, "breaking", "--record")).toMatchObject({ code: 2 });
    writeFileSync(record, '{"format":1,"protocol":"game","versions":[{}]}');
    const { code, err } = stardust(folder, "breaking", "--record");
    expect(code).toBe(2);
    expect(err).toContain("protocol.versions.json is no record of versions");
  });
});
