/** `stardust rename` changes a name in the spec, in what is generated, and in all code that uses it: all, or nothing. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile, files, read, run, spec, writeProject } from "./followed-project.ts";
import { temporaryFolder } from "./run.ts";

/** Each runs the compiler a few times. */
const timeout = 180_000;

function project(other: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder("rename");
  writeProject(folder, other);
  return folder;
}

async function rename(
  folder: string,
  path: string,
  to: string,
  flags: Readonly<Record<string, string | boolean>> = {},
) {
  const ran = await run(folder, "rename", [path, to], flags);
  expect(ran.err).not.toContain("refused");
  expect(ran.code).toBe(0);
  return ran;
}

/** Every file of a folder, by its name there. */
function contents(folder: string): Record<string, string> {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  const found = all.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  return Object.fromEntries(
    found.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]),
  );
}

/** The lines of the project's own files that are other than they were, each with its file. */
function changed(folder: string, name: string): string[] {
  const before = files[name]!.split("\n");
  return read(folder, name)
    .split("\n")
    .filter((line, i) => line !== before[i])
    .map((line) => line.trim());
}

/** A project whose server has systems that it talks to. */
function withSystem(): string {
  const folder = project({
    "src/talk.ts": `import { listen } from "../generated/server.ts";
import { systems } from "../generated/systems.ts";
import { system } from "../generated/testing.ts";
import type { StartMessage } from "../generated/types.ts";

export default systems({
  system: {
    start: (port, { round, at }: StartMessage) => {
      for (const peer of port.peers.values()) peer.send.hit({ kind: "body", how: "soft", shape: { kind: "circle", value: { radius: round + at.x } } });
    },
  },
});

export async function begin(): Promise<void> {
  const server = await listen({ ports: [1] });
  server.systems.send.start(1, { round: 1, at: { x: 0, y: 1 } });
  server.systems.broadcast.start(system.example.start({ round: 2 }));
}
`,
  });
  const section =
    "system:\n  start: { direction: application-to-systems, message: { round: u8, at: Vec2 } }\n";
  writeFileSync(join(folder, "protocol.yaml"), spec + section);
  return folder;
}

describe("stardust rename", { timeout }, () => {
  it("follows messages between threads, their members, and types that they are made of", async () => {
    const folder = withSystem();
    await rename(folder, "start", "begin");
    const named = read(folder, "src/talk.ts");
    for (const part of [
      "begin: (port, { round, at }: BeginMessage)",
      "send.begin(1,",
      "broadcast.begin(system.example.begin(",
    ]) {
      expect(named).toContain(part);
    }
    await rename(folder, "system.begin.round", "number");
    expect(read(folder, "src/talk.ts")).toContain("{ number: 1, at:");
    await rename(folder, "Vec2", "Place");
    expect(read(folder, "protocol.yaml")).toContain("message: { number: u8, at: Place }");
    expect(compile(folder)).toEqual([]);
  });

  it("gives a channel another name wherever it is sent, handled, tested and referred to", async () => {
    const folder = project();
    const { out, err } = await rename(folder, "chat", "say");
    expect(read(folder, "protocol.yaml")).toBe(
      spec
        .replace("  chat: # said", "  say: # said")
        .replace("replacedBy: chat", "replacedBy: say"),
    );
    expect(changed(folder, "src/server.ts")).toEqual([
      'import type { SayMessage } from "../generated/types.ts";',
      'class Room implements Pick<Handlers<undefined>, "say"> {',
      "say(peer: Peer, { text, from = 0 }: SayMessage): void {",
      "peer.send.say({ text, from });",
      'const chat: Handlers<undefined>["say"] = (peer, message) => room.say(peer, message);',
      "handlers: { say: chat, move: (_, { at: { x, y } }) => console.log(x + y) },",
      "server.receive.say((_, { text: line }) => {",
      "server.broadcast.say({ text: line });",
    ]);
    expect(changed(folder, "src/client.ts")).toEqual([
      "const { say } = client.send;",
      'const line: types.SayMessage = { text: "hello" };',
      "client?.send.say?.(line);",
      'client.send["say"](line);',
      'export function sendAny(name: "say" | "move"): unknown {',
      "for await (const { text } of client.messages.say()) console.log(text);",
    ]);
    expect(changed(folder, "test/game.test.ts")).toEqual([
      'import { example, exampleZero, isSay, validate } from "../generated/testing.ts";',
      'equal(isSay({ text: "hi" }), true);',
      'equal(validate.say({ text: 1 })?.path, "text");',
      'equal(example.say({ text: "hi" }).text, "hi");',
      "export const checks = { isChat: isSay };",
    ]);
    expect(compile(folder)).toEqual([]);
    expect(await run(folder, "generate", [], { check: true })).toMatchObject({ code: 0 });
    expect(out).toContain("the protocol hash changes");
    expect(out).toContain("stardust breaking");
    expect(err).toContain("src/client.ts:11:10 a computed name: client.send[name]");
    expect(err).toContain("scripts/once.ts:1:15 in no project");
  });

  it("gives a member another name, of that message alone, and says what it could not follow", async () => {
    const folder = project();
    const { err } = await rename(folder, "chat.text", "body");
    expect(read(folder, "protocol.yaml")).toBe(spec.replace("text:   {", "body:   {"));
    expect(changed(folder, "src/server.ts")).toEqual([
      "chat(peer: Peer, { body: text, from = 0 }: ChatMessage): void {",
      "peer.send.chat({ body: text, from });",
      "server.receive.chat((_, { body: line }) => {",
      "server.broadcast.chat({ body: line });",
    ]);
    expect(changed(folder, "src/client.ts")).toEqual([
      'const line: types.ChatMessage = { body: "hello" };',
      'say({ ...line, body: line.body + line["body"] });',
      "for await (const { body: text } of client.messages.chat()) console.log(text);",
    ]);
    // What the validators are given may be anything, and a join has a `text` of its own.
    expect(changed(folder, "test/game.test.ts")).toEqual([
      'equal(example.chat({ body: "hi" }).body, "hi");',
    ]);
    expect(compile(folder)).toEqual([]);
    expect(err).toContain(
      'test/game.test.ts:5:16 a property of something without a type: text: "hi"',
    );
    expect(err).toContain("test/game.test.ts:6:23 a property of something without a type: text: 1");
    expect(err).toContain("test/game.test.ts:6:42 a text without a type: equal(");
    expect(err).toContain("data/lines.json:2:15 JSON:");
    expect(err).toContain("scripts/once.ts:2:");
  });

  it("gives a value of an enum another name in texts, cases, records and what is inferred", async () => {
    const folder = project();
    await rename(folder, "Kind.body", "torso");
    expect(read(folder, "protocol.yaml")).toBe(spec.replace("body: 0, head", "torso: 0, head"));
    expect(changed(folder, "src/server.ts")).toEqual([
      'server.broadcast.hit({ kind: "torso", how: "soft", shape: { kind: "circle", value: { radius: 1 } } });',
    ]);
    expect(changed(folder, "src/kinds.ts")).toEqual([
      'export const names: Record<Kind, string> = { torso: "the body", head: "the head" };',
      'export const both: Kind[] = ["torso", "head"];',
      'const order = ["torso", "head"] as const;',
      "export const number = Kind.torso;",
      'case "torso":',
      'return kind === "torso" ? names.torso : names[kind];',
      'export const counts = new Map<Kind, number>([["torso", 1]]);',
    ]);
    expect(compile(folder)).toEqual([]);
  });

  it("gives a variant, a value in place and a type another name, each after the other", async () => {
    const folder = project();
    await rename(folder, "Shape.circle", "round-one");
    await rename(folder, "hit.how.hard", "firm");
    await rename(folder, "Vec2", "Point");
    expect(read(folder, "protocol.yaml")).toBe(
      spec
        .replace("circle:", "round-one:")
        .replace("hard: 1", "firm: 1")
        .replace("  Vec2: {", "  Point: {")
        .replace("at: Vec2, path: { list: { of: Vec2", "at: Point, path: { list: { of: Point"),
    );
    expect(changed(folder, "src/kinds.ts")).toEqual([
      'return how === "firm" ? names["head"] : area(shape);',
      'return shape.kind === "round-one" ? String(shape.value.radius) : String(shape.value.side);',
    ]);
    expect(changed(folder, "src/places.ts")).toEqual([
      'import type { MoveMessage, Point } from "../generated/types.ts";',
      'export type { Point as Place } from "../generated/types.ts";',
      "export const zero: Point = { x: 0, y: 0 };",
      "export function walk(path: Point[]): MoveMessage {",
    ]);
    expect(compile(folder)).toEqual([]);
  });

  it("follows a member into what was inferred, and leaves a property of the user's own", async () => {
    const folder = project();
    await rename(folder, "Vec2.x", "the east");
    expect(read(folder, "protocol.yaml")).toBe(spec.replace("{ x: f32", '{ "the east": f32'));
    expect(changed(folder, "src/places.ts")).toEqual([
      'export const zero: Vec2 = { "the east": 0, y: 0 };',
      'const at = { "the east": 0, y: 0 };',
      'for (const { "the east": x, y } of path) {',
      'at["the east"] += x;',
    ]);
    expect(compile(folder)).toEqual([]);
    await rename(folder, 'Vec2."the east"', "x");
    await rename(folder, "Vec2.y", "north");
    expect(read(folder, "protocol.yaml")).toBe(spec.replace('x: f32, "y"', '"x": f32, "north"'));
    expect(read(folder, "src/places.ts")).toContain('const { "x": x, north: y } of path');
    expect(compile(folder)).toEqual([]);
  });

  it("prints as a diff what it would do, and does exactly that", async () => {
    const folder = project();
    const before = contents(folder);
    const dry = await rename(folder, "chat.text", "body", { "dry-run": true });
    expect(contents(folder)).toEqual(before);
    expect(dry.err).toContain("would be");
    const other = project();
    const patch = join(other, "patch");
    writeFileSync(patch, dry.out);
    const git = spawnSync("git", ["apply", "--unsafe-paths", "--directory", other, patch], {
      cwd: other,
      encoding: "utf8",
      env: { ...process.env, GIT_DIR: join(other, "no-git"), GIT_WORK_TREE: other },
    });
    expect(git.stderr).toBe("");
    await rename(folder, "chat.text", "body");
    for (const name of Object.keys(files)) expect(read(other, name)).toBe(read(folder, name));
  });

  it("says for programs what it did", async () => {
    const folder = project();
    const said = JSON.parse((await rename(folder, "hit.kind", "what", { json: true })).out);
    expect(said).toMatchObject({ renamed: "channels.hit.kind", to: "what", written: true });
    expect(said.files.map(({ file }: { file: string }) => file)).toEqual([
      "protocol.yaml",
      "src/kinds.ts",
      "src/server.ts",
    ]);
    expect(said.files[1].edits).toEqual([
      {
        line: 11,
        from: "export function told({ kind, how, shape }: HitMessage): string {",
        to: "export function told({ what: kind, how, shape }: HitMessage): string {",
      },
    ]);
    expect(said.generated).toContain("generated/types.ts");
    expect(said.hash.before).not.toBe(said.hash.after);
    expect(compile(folder)).toEqual([]);
  });
});

describe("a rename that cannot be", { timeout }, () => {
  const folder = project({
    "src/clash.ts": `import type { Vec2 } from "../generated/types.ts";
type Point = string;
export const named: [Point, Vec2][] = [];
`,
    "src/loose.ts": `import type { HitMessage } from "../generated/types.ts";
import { client } from "./client.ts";

interface Own {
  how: "soft" | "hard";
}
export function use(own: Own): Pick<HitMessage, "how"> {
  client.receive.hit(({ how }) => void (own.how = how));
  return own;
}
`,
  });
  const before = contents(folder);

  it.each([
    ["chat.text", "from", "SD1009", 'the key "from" is there already'],
    ["Vec2", "Kind", "SD1009", 'the key "Kind" is there already'],
    ["chat", "then", "SD1107", "reserved"],
    ["Vec2", "9", "SD1106", "cannot be the name of"],
    ["Vec2", "chat_message", "SD1303", "ChatMessage"],
  ])("%s as %s is refused by the spec's own rules", async (path, to, code, says) => {
    const { code: exit, err } = await run(folder, "rename", [path, to]);
    expect(exit).toBe(1);
    expect(err).toContain(code);
    expect(err).toContain(says);
    expect(err).toContain("refused: ");
    expect(contents(folder)).toEqual(before);
  });

  it("because of the project's code is refused with the places, and nothing is changed", async () => {
    const clash = await run(folder, "rename", ["Vec2", "Point"]);
    expect(clash.code).toBe(1);
    expect(clash.err).toContain(
      'refused: with type `Vec2` called "Point" the project would no longer compile',
    );
    expect(clash.err).toMatch(/^ {2}src\/clash\.ts:\d+:\d+ .*Point/m);
    // The user's own type has to follow, which only the user can decide.
    const own = await run(folder, "rename", ["hit.how", "force"], { json: true });
    expect(own.code).toBe(1);
    const { refused, places } = JSON.parse(own.out);
    expect(refused).toContain("would no longer compile");
    expect(places.join("\n")).toContain("src/loose.ts:9:3");
    expect(contents(folder)).toEqual(before);
  });

  it("because a use means two things at once is refused with that use alone", async () => {
    const two = project({
      "protocol.yaml": spec.replace(
        "zero:\n",
        `  shout:
    id: 3
    delivery: reliable
    message: { text: { string: { maxBytes: 8 } } }
zero:
`,
      ),
      "src/two.ts": `import type { ChatMessage, ShoutMessage } from "../generated/types.ts";
export const loud = (shout: ShoutMessage): string => shout.text.toUpperCase();
export const either = (line: ChatMessage | ShoutMessage): string => line.text;
`,
    });
    const { code, err } = await run(two, "rename", ["chat.text", "body"]);
    expect(code).toBe(1);
    expect(err.match(/^ {2}.*$/gm)).toEqual([
      expect.stringMatching(
        /^ {2}src\/two\.ts:3:\d+ Property 'body' does not exist on type 'ChatMessage/,
      ),
    ]);
  });

  it("is wrong use without a name, or with the name that is there", async () => {
    expect(await run(folder, "rename", ["chat"])).toMatchObject({ code: 2 });
    expect((await run(folder, "rename", ["chat", "chat"])).err).toContain("has that name already");
    expect((await run(folder, "rename", ["chatt", "x"])).err).toContain('did you mean "chat"?');
  });
});

describe("a project with faults of its own", { timeout }, () => {
  it("keeps them, its line ends and its byte order marks, and follows all the same", async () => {
    const crlf = files["src/client.ts"]!.replaceAll("\n", "\r\n");
    const folder = project({
      "protocol.yaml": `\uFEFF${spec.replaceAll("\n", "\r\n")}`,
      "src/client.ts": `\uFEFF${crlf}`,
      "src/broken.ts": "export const wrong: number = 'text';\n",
    });
    await rename(folder, "chat.text", "body");
    expect(read(folder, "protocol.yaml")).toBe(
      `\uFEFF${spec.replace("text:   {", "body:   {").replaceAll("\n", "\r\n")}`,
    );
    const client = read(folder, "src/client.ts");
    expect(client).toContain('\r\nconst line: types.ChatMessage = { body: "hello" };\r\n');
    expect(client.startsWith("\uFEFFimport")).toBe(true);
    expect(compile(folder)).toEqual(["src/broken.ts:1 TS2322"]);
  });
});
