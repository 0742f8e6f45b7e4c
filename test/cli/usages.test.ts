/** `stardust usages` finds what a thing of the spec is used for, and where. */
import { describe, expect, it } from "vitest";
import { files, run, writeProject } from "./followed-project.ts";
import { temporaryFolder } from "./run.ts";

const folder = temporaryFolder("usages");
writeProject(folder);

interface Found {
  readonly usages: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly kind: string;
    readonly by?: string;
    readonly text: string;
  }[];
  readonly computed: readonly { readonly file: string; readonly line: number }[];
}

async function usages(path: string): Promise<Found> {
  const { code, out, err } = await run(folder, "usages", [path], { json: true });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Found;
}

/** `file:line`, each once, of the usages of a kind. */
function places({ usages: all }: Found, kind: string, by?: string): string[] {
  const found = all.filter((one) => one.kind === kind && (by === undefined || one.by === by));
  return [...new Set(found.map(({ file, line }) => `${file}:${line}`))].sort();
}

/** Where a text of the project stands. */
function at(file: string, text: string): string {
  const line = files[file]!.split("\n").findIndex((one) => one.includes(text)) + 1;
  expect(line, text).toBeGreaterThan(0);
  return `${file}:${line}`;
}

describe("stardust usages", () => {
  it("tells who sends and who handles a channel, where its messages are built, and what may be it", async () => {
    const found = await usages("chat");
    expect(places(found, "sent", "client")).toEqual(
      [
        at("src/client.ts", "const { chat: say }"),
        at("src/client.ts", "client?.send.chat?.("),
        at("src/client.ts", 'client.send["chat"]'),
      ].sort(),
    );
    expect(places(found, "sent", "server")).toEqual([
      at("src/server.ts", "server.broadcast.chat"),
      at("src/server.ts", "peer.send.chat"),
    ]);
    expect(places(found, "received", "client")).toEqual([at("src/client.ts", "messages.chat()")]);
    expect(places(found, "received", "server")).toContain(at("src/server.ts", "handlers: { chat"));
    expect(places(found, "received", "server")).toContain(at("src/server.ts", "receive.chat"));
    expect(places(found, "built")).toContain(at("src/client.ts", "const line: types.ChatMessage"));
    expect(places(found, "tested")).toContain(at("test/game.test.ts", "validate.chat"));
    expect(found.computed).toMatchObject([{ file: "src/client.ts", line: 11 }]);
  });

  it("tells where a member is read and built, with its column, and nothing of another's", async () => {
    const found = await usages("Vec2.x");
    expect(places(found, "built")).toEqual([
      at("src/places.ts", "const at = {"),
      at("src/places.ts", "zero: Vec2 ="),
    ]);
    expect(places(found, "read")).toEqual([
      at("src/places.ts", "of path"),
      at("src/server.ts", "move: (_"),
    ]);
    const [first] = found.usages.filter(({ kind }) => kind === "built");
    expect(first!.text.slice(first!.column - 1)).toMatch(/^x: 0/);
  });

  it("tells where a value of an enum is given and compared", async () => {
    const found = await usages("Kind.body");
    expect(places(found, "compared")).toEqual([
      at("src/kinds.ts", 'case "body"'),
      at("src/kinds.ts", 'kind === "body"'),
    ]);
    expect(places(found, "given")).toContain(at("src/server.ts", 'kind: "body"'));
    expect(places(found, "given")).not.toContain(at("src/kinds.ts", "inHand"));
    expect(places(found, "read")).toContain(at("src/kinds.ts", "Kind.body"));
  });

  it("prints a line for each place, and says so where there is none", async () => {
    const { code, out } = await run(folder, "usages", ["Shape.circle"]);
    expect(code).toBe(0);
    expect(out).toContain(`${at("src/kinds.ts", '"circle"')}:`);
    expect(out).toMatch(/^src\/kinds\.ts:\d+:\d+ compared: return shape\.kind === "circle"/m);
    expect((await run(folder, "usages", ["hit.how.soft"])).out).toMatch(
      /^src\/server\.ts:\d+:\d+ given/,
    );
    expect((await run(folder, "usages", ["Shape.square.side"])).out).toMatch(
      /^src\/kinds\.ts.* read: /,
    );
    expect((await run(folder, "usages", ["Kind.head"])).out).not.toContain("nothing");
    expect((await run(folder, "usages", ["move.path"])).out).toContain("src/places.ts");
    expect((await run(folder, "usages", ["chat.from"])).out).toContain("src/server.ts");
  });
});

describe("a path", () => {
  const wrong = async (path: string) => {
    const { code, err } = await run(folder, "usages", [path]);
    expect(code).toBe(2);
    return err;
  };

  it("that means nothing is answered with what was meant, or with what there is", async () => {
    expect(await wrong("caht")).toContain(
      'no channel, type or system message "caht", did you mean "chat"?',
    );
    expect(await wrong("chat.txet")).toContain(
      'channel `chat` has no "txet", did you mean "text"?',
    );
    expect(await wrong("Kind.elbow")).toContain('type `Kind` has no "elbow"; it has body, head');
    expect(await wrong("chat.text.x")).toContain(
      "member `chat.text` holds nothing that has a name",
    );
    expect(await wrong("chat..text")).toContain("is no path");
    expect(await wrong("headers")).toContain("a path begins with one of these");
    expect(await wrong("header.tick")).toContain("fields of the header are neither followed nor");
    for (const path of ["join.text", "accept", "zero.join.body.text"]) {
      expect(await wrong(path)).toContain("bodies of join and accept travel as JSON");
    }
    expect(await run(folder, "usages", [])).toMatchObject({ code: 2 });
  });

  it("that means two things is answered with both, and either can be said in full", async () => {
    const both = temporaryFolder("ambiguous");
    const text = files["protocol.yaml"]!.replace(
      "  Kind:",
      "  move: { struct: { a: u8 } }\n  Kind:",
    );
    writeProject(both, { "protocol.yaml": text });
    const { code, err } = await run(both, "usages", ["move"]);
    expect(code).toBe(2);
    expect(err).toMatch(/channel `move` \(line \d+\) and type `move` \(line 8\): write/);
    expect(err).toContain("`channels.move` or `types.move`");
    expect(await run(both, "usages", ["types.move"])).toMatchObject({ code: 0 });
    expect((await run(both, "usages", ["channels.move.at"])).out).toContain("src/server.ts");
    // Only one of the two has it.
    expect((await run(both, "usages", ["move.a"])).out).toContain("nothing in the project uses");
  });
});

describe("what is missing", () => {
  it("is told: a tsconfig, a right spec", async () => {
    const none = await run(folder, "usages", ["chat"], { project: "nowhere.json" });
    expect(none).toMatchObject({ code: 1 });
    expect(none.err).toContain("there is no nowhere.json");
    writeProject(folder, {
      "bad.yaml": files["protocol.yaml"]!.replace("maxBytes: 80", "max: 80"),
    });
    const bad = await run(folder, "usages", ["chat"], { spec: "bad.yaml" });
    expect(bad).toMatchObject({ code: 1 });
    expect(bad.err).toContain("bad.yaml:19");
  });
});
