/** `stardust rename` where a value is of no declared type when it is made: it follows what the value is used as, or says why not. */
import { describe, expect, it } from "vitest";
import { compile, files, read, run, writeProject } from "./followed-project.ts";
import { temporaryFolder } from "./run.ts";

/** Each runs the compiler a few times. */
const timeout = 180_000;

/** The fixture with one more file. */
function project(text: string): string {
  const folder = temporaryFolder("flows");
  writeProject(folder, { "src/flows.ts": text });
  return folder;
}

const head = `import type { ChatMessage } from "../generated/types.ts";
import { client } from "./client.ts";
`;

/** Each line is one way for a literal of an inferred type to become a message; \`FROM\` is the member. */
const ways = `${head}
const plain = { FROM: 1, text: "variable" };
client.send.chat(plain);
const given: ChatMessage = plain;
const checked = { FROM: 2, text: "satisfies" } satisfies ChatMessage;
client.send.chat(checked);
function made(side: number) {
  return { FROM: side, text: "function" };
}
client.send.chat(made(3));
const later = async () => ({ FROM: 4, text: "promise" });
client.send.chat(await later());
const list = [{ FROM: 5, text: "array" }, { FROM: 6, text: "array" }];
for (const one of list) client.send.chat(one);
const all: readonly ChatMessage[] = list.map((one) => ({ FROM: one.FROM, text: one.text }));
const deep = { of: { lines: new Map([["a", { FROM: 7, text: "deep" }]]) } };
function tell(what: { of: { lines: ReadonlyMap<string, ChatMessage> } }): void {
  for (const line of what.of.lines.values()) client.send.chat(line);
}
tell(deep);
function spoken(line: ChatMessage): void {
  const answer = { ...line, FROM: (line.FROM ?? 0) + 1 };
  client.send.chat(answer);
  const joined = Object.assign({}, line, { FROM: 8 });
  client.send.chat(joined);
  const { FROM: side = 9, ...rest } = { FROM: 10, ...line };
  client.send.chat({ ...rest, FROM: side });
  const either = side > 1 ? { FROM: 11, text: "either" } : line;
  client.send.chat(either);
  const told = { ...line, FROM: 12 };
  console.log(told.FROM);
}
const answers: ((line: ChatMessage) => ChatMessage)[] = [];
const answering = (line: ChatMessage) => ({ text: line.text, FROM: 13 });
answers.push(answering);
function* lines() {
  yield { FROM: 16, text: "generator" };
  yield { FROM: 17, text: "generator" };
}
for (const one of lines()) client.send.chat(one);
function chosen(first: boolean) {
  if (first) return { FROM: 18, text: "returned" };
  return { FROM: 19, text: "returned" };
}
client.send.chat(chosen(true));
const sure = all[0] ?? { FROM: 20, text: "or else" };
client.send.chat(sure);
class Speaker {
  line: ChatMessage = given;
  say(): void {
    const next = { FROM: 14, text: "assigned" };
    this.line = next;
  }
}
const value = 15;
const short = { FROM: value, text: "shorthand" };
client.send.chat(short);
/** Of the user's own, and never a message. */
const letter = { from: "here", to: "there" };
export const kept = [all, spoken, Speaker, letter.from, answers];
`;

const waysOf = (member: string) => ways.replaceAll("FROM", member);

describe("stardust rename", { timeout }, () => {
  it("follows an optional member into every literal that becomes a message, and back", async () => {
    const folder = project(waysOf("from"));
    expect(await run(folder, "rename", ["chat.from", "sender"])).toMatchObject({ code: 0 });
    expect(read(folder, "src/flows.ts")).toBe(waysOf("sender"));
    expect(compile(folder)).toEqual([]);
    expect(await run(folder, "rename", ["chat.sender", "from"])).toMatchObject({ code: 0 });
    for (const [name, text] of Object.entries(files)) expect(read(folder, name)).toBe(text);
    expect(read(folder, "src/flows.ts")).toBe(waysOf("from"));
  });

  it("follows a member that a spread overrides, whether it is sent or not", async () => {
    const text = `import { client } from "./client.ts";
client.receive.chat((line) => {
  const next = { ...line, text: line.text.trim() };
  client.send.chat(next);
  const text = line.text.trim();
  const last = { ...line, text };
  console.log(last.text);
});
`;
    const folder = project(text);
    const { code, err } = await run(folder, "rename", ["chat.text", "body"]);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(read(folder, "src/flows.ts")).toBe(
      text
        .replace("text: line.text.trim() }", "body: line.body.trim() }")
        .replace("line.text.trim();", "line.body.trim();")
        .replace("...line, text }", "...line, body: text }")
        .replace("last.text", "last.body"),
    );
    expect(compile(folder)).toEqual([]);
    expect(await run(folder, "rename", ["chat.body", "text"])).toMatchObject({ code: 0 });
    expect(read(folder, "src/flows.ts")).toBe(text);
  });

  it("leaves a member that the user's own type asks for, though a message is spread beside it", async () => {
    const text = `import type { ChatMessage } from "../generated/types.ts";
interface View {
  readonly text: string;
  readonly lines: number;
}
export function view(line: ChatMessage): View {
  const made = { ...line, text: line.text.trim(), lines: 1 };
  return made;
}
`;
    const folder = project(text);
    expect(await run(folder, "rename", ["chat.text", "body"])).toMatchObject({ code: 0 });
    expect(read(folder, "src/flows.ts")).toBe(text.replace("line.text", "line.body"));
    expect(compile(folder)).toEqual([]);
  });

  it("lists where a message goes to, or comes from, something without a type", async () => {
    const folder = project(`${head}
export const saved = (line: ChatMessage): string => JSON.stringify(line);
export const loaded = (text: string): ChatMessage => JSON.parse(text);
const plain = { from: 1, text: "hi" };
client.send.chat(plain);
localStore.set("line", plain);
localStore.set("line", plain);
localStore.set("lines", { lines: [plain] });
declare const localStore: { set(key: string, value: unknown): void };
`);
    const { code, err } = await run(folder, "rename", ["chat.from", "sender"]);
    expect(code).toBe(0);
    const known = "a value whose type is not known on the other side";
    expect(err).toContain(`src/flows.ts:4:68 ${known}: line`);
    expect(err).toContain(`src/flows.ts:5:54 ${known}: JSON.parse(text)`);
    expect(err).toContain(`src/flows.ts:8:24 ${known}: plain`);
    expect(err).toContain(`src/flows.ts:9:24 ${known}: plain`);
    expect(err).toContain(`src/flows.ts:10:25 ${known}: { lines: [plain] }`);
    expect(compile(folder)).toEqual([]);
  });

  it.each<[string, string, RegExp[]]>([
    [
      "a literal that is the user's own thing too",
      `interface Letter { from?: number; text: string }
const post = (letter: Letter) => letter.from;
const both = { from: 1, text: "hi" };
client.send.chat(both);
post(both);
`,
      [/flows\.ts:7:6 used as what is not renamed too, "from" in flows\.ts:3: both/],
    ],
    [
      "a variable of the user's own type that is sent",
      `interface Letter { from?: number; text: string }
const letter: Letter = { from: 1, text: "hi" };
client.send.chat(letter);
`,
      [/flows\.ts:5:18 .*"from" in flows\.ts:3: letter/],
    ],
    [
      "a message that goes where the user's own type is expected",
      `const show = ({ from = 0, text }: { from?: number; text: string }) => from + text;
client.receive.chat((line) => show(line));
`,
      [/flows\.ts:4:36 .*"from" in flows\.ts:3: line/],
    ],
    [
      "a handler that takes the user's own type",
      `const show = (line: { from?: number; text: string }) => void line.from;
client.receive.chat(show);
`,
      [/flows\.ts:4:21 .*"from" in flows\.ts:3: show/],
    ],
    [
      "a generic function that asks for the member",
      `const numbered = <T extends { from?: number; text: string }>(line: T) => line.from;
client.receive.chat((line) => numbered(line));
`,
      [/flows\.ts:4:40 .*"from" in flows\.ts:3: line/],
    ],
    [
      "an instance of the user's own class that is sent",
      `class Letter {
  from = 1;
  text = "hi";
}
client.send.chat(new Letter());
`,
      [/flows\.ts:7:18 .*"from" in flows\.ts:4: new Letter\(\)/],
    ],
    [
      "a message that is kept in a list of the user's own type",
      `class Letters {
  at: { from?: number; text: string }[] = [];
}
client.receive.chat((line) => void new Letters().at.push(line));
`,
      [/flows\.ts:6:58 .*"from" in flows\.ts:4: line/],
    ],
    [
      "a message that is taken apart with defaults by a parameter without a type",
      `const show = ({ from = 0, text = "" } = {}) => from + text;
client.receive.chat((line) => void show(line));
`,
      [/flows\.ts:4:41 .*"from" in a pattern: line/],
    ],
    [
      "a value that has the new name already, which nobody sent so far",
      `const letter = { sender: 7, text: "hi" };
client.send.chat(letter);
`,
      [/flows\.ts:4:18 has a "sender" already, which would be taken: letter/],
    ],
  ])("refuses, with the place, for %s", async (_, text, places) => {
    const folder = project(head.replace(/.*\n/, "export {};\n") + text);
    const before = Object.keys(files).map((name) => read(folder, name));
    const { code, err } = await run(folder, "rename", ["chat.from", "sender"]);
    expect(err).toContain(
      'refused: with member `chat.from` called "sender" the project would do something else',
    );
    expect(code).toBe(1);
    for (const place of places) expect(err).toMatch(place);
    expect(err.match(/^ {2}/gm)).toHaveLength(places.length);
    expect(Object.keys(files).map((name) => read(folder, name))).toEqual(before);
  });
});

/** Keys of tables whose type is made of an enum, which may all be missing; \`KEY\` is the value. */
const tables = `import type { Kind } from "../generated/types.ts";
import { names } from "./kinds.ts";
type Table = Partial<Record<Kind, number>>;
const counted = { KEY: 1, head: 2 };
const table: Table = counted;
const checked = { KEY: 3, head: 3 };
const show = (one: { readonly [K in Kind]?: number }, all: Table[]) => [one.KEY, all.length];
show(checked, [counted, { ...table, head: 4 }]);
function made() {
  return { of: { KEY: 5, head: 5 } };
}
const deep: { of: Table } = made();
export const next: Table = { ...table, ...deep.of, KEY: 6 };
/** Nobody asks for a kind here. */
type Hand = "body" | "bag";
const inHand: Partial<Record<Hand, number>> = { body: 7, bag: 7 };
const own = { body: 8, head: 8 };
export const kept = [inHand, own.body, names.KEY];
`;
const tablesOf = (value: string) => tables.replaceAll("KEY", value);

describe("stardust rename of an enum's value", { timeout }, () => {
  it("follows it into the keys of tables, though all of them may be missing", async () => {
    const folder = project(tablesOf("body"));
    expect(await run(folder, "rename", ["Kind.body", "torso"])).toMatchObject({
      code: 0,
      err: expect.not.stringContaining("flows.ts"),
    });
    expect(read(folder, "src/flows.ts")).toBe(tablesOf("torso"));
    expect(compile(folder)).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    [
      "the user's own type too",
      `interface Score { body?: number; head: number }
const score: Score = { body: 1, head: 2 };
export const table: Partial<Record<Kind, number>> = score;
`,
      /flows\.ts:4:53 used as what is not renamed too, "body" in flows\.ts:2: score/,
    ],
    [
      "a table of another type too",
      `const own = { body: 1, head: 2 };
export const table: Partial<Record<Kind, number>> = own;
export const other: Partial<Record<"body" | "bag", number>> = own;
`,
      /flows\.ts:4:63 used as what is not renamed too, "body" in the keys of a mapped type: own/,
    ],
    [
      "something that has the new name already",
      `const own = { head: 1, torso: 2 };
export const table: Partial<Record<Kind, number>> = own;
`,
      /flows\.ts:3:53 has a "torso" already, which would be taken: own/,
    ],
  ])("is refused where a table's keys are %s", async (_, text, place) => {
    const folder = project(`import type { Kind } from "../generated/types.ts";\n${text}`);
    const { code, err } = await run(folder, "rename", ["Kind.body", "torso"]);
    expect(err).toMatch(place);
    expect(code).toBe(1);
    expect(read(folder, "protocol.yaml")).toBe(files["protocol.yaml"]);
  });
});

describe("stardust usages", { timeout }, () => {
  it("lists the literals that become a message, those too that a rename could not change", async () => {
    const folder = project(`${head}
const plain = { from: 1, text: "hi" };
client.send.chat(plain);
export const given: ChatMessage = plain;
const both = { from: 2, text: "hi" };
client.send.chat(both);
export const own: { from?: number } = both;
`);
    const { code, out } = await run(folder, "usages", ["chat.from"]);
    expect(code).toBe(0);
    expect(out).toContain('src/flows.ts:4:17 built: const plain = { from: 1, text: "hi" };');
    expect(out).toContain('src/flows.ts:7:16 built: const both = { from: 2, text: "hi" };');
  });
});
