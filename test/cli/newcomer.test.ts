/** Mistakes of the first day: each is told where it is and what to change. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { builtInTypes } from "#codegen/spec/type-names.js";
import { stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("newcomer");
const spec = `stardust: 1
protocol: { name: game }
security: plain
channels:
  chat:
    id: 0
    delivery: reliable-ordered
    direction: both
    doc: What players say.
    message:
      from: u16
      text: { string: { maxBytes: 80 } }
  move:
    id: 1
    delivery: unreliable-sequenced
    direction: client-to-server
    doc: Where a player goes.
    message:
      x: { f32: { min: -1, max: 1, bits: 8 } }
zero:
  join:
    body:
      type: object
      properties:
        name: { type: string, maxLength: 20 }
`;

function say(command: readonly string[], from: string, to: string) {
  expect(spec).toContain(from);
  writeFileSync(join(folder, "before.yaml"), spec);
  writeFileSync(join(folder, "protocol.yaml"), spec.replace(from, to));
  return stardust(folder, ...command);
}

describe("a newcomer who", () => {
  it("misspells a delivery mode is told which was meant", () => {
    const { code, err } = say(
      ["generate", "--check"],
      "unreliable-sequenced",
      "unrelaible-sequenced",
    );
    expect(code).toBe(1);
    expect(err).toContain(
      'protocol.yaml:15:15 error SD1203: "unrelaible-sequenced" is not a delivery mode',
    );
    expect(err).toContain('^^^^ did you mean "unreliable-sequenced"?');
  });

  it("reuses a channel id is told whose it is, where, and which is free", () => {
    const { code, err } = say(["generate", "--check"], "id: 1", "id: 0");
    expect(code).toBe(1);
    expect(err).toContain(
      "protocol.yaml:14:9 error SD1202: id 0 is the id of channel `chat` (line 5)",
    );
    expect(err).toContain("help: 1 is free, and so are all above it");
  });

  it("forgets a bound of a string is told what it gets, and how to write one", () => {
    const { code, err } = say(["lint", "--strict"], "{ string: { maxBytes: 80 } }", "string");
    expect(code).toBe(1);
    expect(err).toContain(
      "protocol.yaml:12:13 warning bound-by-default: this `string` has no `maxBytes`, so it gets the default 256",
    );
    expect(err).toContain("write the bound: `{ string: { maxBytes: 80 } }`");
  });

  it("forgets a bound of a number or of a zero message is told which", () => {
    const number = say(["generate", "--check"], "max: 1, ", "");
    expect(number.code).toBe(1);
    expect(number.err).toContain("protocol.yaml:19:17 error SD1102: `f32` lacks the key `max`");
    const text = say(["generate", "--check"], ", maxLength: 20", "");
    expect(text.code).toBe(1);
    expect(text.err).toMatch(/protocol\.yaml:25:15 error SD1502: .*needs `maxLength`/);
  });

  it("gives a type that does not exist is told which is near", () => {
    const { code, err } = say(["generate", "--check"], "from: u16", "from: u17");
    expect(code).toBe(1);
    expect(err).toContain('protocol.yaml:11:13 error SD1301: there is no type "u17"');
    expect(err).toMatch(/\^\^\^ did you mean "u\d+"\?/);
  });

  it("gives a type by another language's name is told this one's, or which there are", () => {
    const float = say(["generate", "--check"], "from: u16", "from: float");
    expect(float.code).toBe(1);
    expect(float.err).toContain('protocol.yaml:11:13 error SD1301: there is no type "float"');
    expect(float.err).toContain('^^^^^ did you mean "f32"?');
    const unknown = say(["generate", "--check"], "from: u16", "from: leaderboard");
    expect(unknown.err).toContain("help: built in are u8, u16, u24, u32, u64, i8");
  });

  it("asks what an unknown type is gets the list of those that there are", () => {
    const { code, out } = stardust(folder, "explain", "SD1301");
    expect(code).toBe(0);
    const words = new Set(out.split(/[\s,.;]+/));
    for (const type of builtInTypes) expect(words).toContain(type);
  });

  it("removes a member that peers rely on is told which, what stood there, and what to do instead", () => {
    const { code, err } = say(["breaking", "--against", "before.yaml"], "      from: u16\n", "");
    expect(code).toBe(1);
    expect(err).toContain("error member-removed: channel `chat` has lost its member `from`");
    expect(err).toContain("help: keep the member, mark it `deprecated`");
    expect(err).toContain("(before, before.yaml:11: `from: u16`)");
  });
});

describe("the command line", () => {
  it("helps with each command, from one table", () => {
    const all = stardust(folder, "--help").out;
    for (const name of ["init", "generate", "lint", "breaking", "format", "explain"]) {
      expect(all).toMatch(new RegExp(`^  ${name} +\\w`, "m"));
      const { code, out } = stardust(folder, name, "--help");
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^Usage: stardust ${name} .*\\n\\n.*\\n\\n  --`));
    }
  });

  it("guesses commands and flags, and ends with 2", () => {
    const wrong: [args: string[], says: string][] = [
      [["lnit"], "did you mean"],
      [["braking"], 'did you mean "breaking"?'],
      [["fromat"], 'did you mean "format"?'],
      [["lint", "--strcit"], 'did you mean "--strict"?'],
      [["breaking", "--agianst", "x"], 'did you mean "--against"?'],
      [["generate", "--target", "ja"], 'did you mean "js"?'],
    ];
    for (const [args, says] of wrong) {
      const { code, err } = stardust(folder, ...args);
      expect([args, code]).toEqual([args, 2]);
      expect(err).toContain(says);
    }
  });
});
