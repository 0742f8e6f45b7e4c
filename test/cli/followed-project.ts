/** A user's project in which every thing of a spec is used in every way that the commands which follow names must know. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { commands } from "#cli/commands.js";
import { UsageError } from "#cli/usage.js";
import type { Ran } from "./run.ts";

export const spec = `# What is said in the game.
stardust: 1
protocol: { name: game }
security: plain
types:
  # Where things are.
  Vec2: { struct: { x: f32, "y": f32 } } # flat
  Kind: { enum: { body: 0, head: 1 }, doc: What was hit. }
  Shape:
    union:
      circle: { struct: { radius: f32 } }
      square: { struct: { side: f32 } }
channels:
  chat: # said by players
    id: 0
    delivery: reliable-ordered
    direction: both
    message:
      text:   { string: { maxBytes: 80 } }   # one line
      from: { type: u16, optional: true }
  move:
    id: 1
    delivery: unreliable
    direction: client-to-server
    deprecated: { replacedBy: chat, reason: to be gone }
    message: { at: Vec2, path: { list: { of: Vec2, max: 4 } } }
  hit:
    id: 2
    delivery: reliable
    direction: server-to-client
    message:
      kind: Kind
      how: { enum: { soft: 0, hard: 1 } }
      shape: Shape
zero:
  join:
    body: { type: object, required: [text], properties: { text: { type: string, maxLength: 8 } } }
`;

const tsconfig = `{
  "compilerOptions": {
    "target": "es2023", "module": "nodenext", "strict": true, "noEmit": true, "types": ["node"],
    "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true, "noUnusedLocals": true,
    "lib": ["es2023", "es2024.sharedmemory", "esnext.disposable"],
    "allowImportingTsExtensions": true, "skipLibCheck": true
  },
  "include": ["src", "test", "generated"]
}
`;

export const files: Readonly<Record<string, string>> = {
  "tsconfig.json": tsconfig,
  "protocol.yaml": spec,
  "src/server.ts": `import { type Handlers, listen, type Peer } from "../generated/server.ts";
import type { ChatMessage } from "../generated/types.ts";

class Room implements Pick<Handlers<undefined>, "chat"> {
  readonly lines: string[] = [];
  chat(peer: Peer, { text, from = 0 }: ChatMessage): void {
    this.lines.push(\`\${from}: \${text}\`);
    peer.send.chat({ text, from });
  }
}

const room = new Room();
const chat: Handlers<undefined>["chat"] = (peer, message) => room.chat(peer, message);
export const server = await listen({
  ports: { count: 1 },
  handlers: { chat, move: (_, { at: { x, y } }) => console.log(x + y) },
});
server.receive.chat((_, { text: line }) => {
  server.broadcast.chat({ text: line });
});
server.broadcast.hit({ kind: "body", how: "soft", shape: { kind: "circle", value: { radius: 1 } } });
`,
  "src/client.ts": `import * as game from "../generated/client.ts";
import type * as types from "../generated/types.ts";

export const client = await game.connect({ port: 1, join: { text: "ada" } });
const { chat: say } = client.send;
const line: types.ChatMessage = { text: "hello" };
say({ ...line, text: line.text + line["text"] });
client?.send.chat?.(line);
client.send["chat"](line);
export function sendAny(name: "chat" | "move"): unknown {
  return client.send[name];
}
for await (const { text } of client.messages.chat()) console.log(text);
`,
  "src/kinds.ts": `import { Kind } from "../generated/types.ts";
import type { HitMessage, Shape } from "../generated/types.ts";

type Hand = "body" | "bag";
export const inHand: Hand = "body";
export const names: Record<Kind, string> = { body: "the body", head: "the head" };
export const both: Kind[] = ["body", "head"];
const order = ["body", "head"] as const;
export const first: Kind = order[0];
export const number = Kind.body;
export function told({ kind, how, shape }: HitMessage): string {
  switch (kind) {
    case "body":
      return kind === "body" ? names.body : names[kind];
    case "head":
      return how === "hard" ? names["head"] : area(shape);
  }
}
function area(shape: Shape): string {
  return shape.kind === "circle" ? String(shape.value.radius) : String(shape.value.side);
}
export const counts = new Map<Kind, number>([["body", 1]]);
`,
  "src/places.ts": `import type { MoveMessage, Vec2 } from "../generated/types.ts";
import { client } from "./client.ts";

export type { Vec2 as Place } from "../generated/types.ts";
/** Not of the protocol's. */
interface Pixel {
  x: number;
}
export const zero: Vec2 = { x: 0, y: 0 };
export const pixel: Pixel = { x: 1 };
export function walk(path: Vec2[]): MoveMessage {
  const at = { x: 0, y: 0 };
  for (const { x, y } of path) {
    at.x += x;
    at.y += y;
  }
  client.send.move({ at, path });
  return { at, path };
}
`,
  "test/game.test.ts": `import { example, exampleZero, isChat, validate } from "../generated/testing.ts";

const told: unknown[] = [];
const equal = (one: unknown, other: unknown) => void told.push(one === other);
equal(isChat({ text: "hi" }), true);
equal(validate.chat({ text: 1 })?.path, "text");
equal(example.chat({ text: "hi" }).text, "hi");
equal(exampleZero.join.body().text, "text");
export const checks = { isChat };
`,
  "data/lines.json": `{
  "lines": [{ "text": "hello" }]
}
`,
  "scripts/once.ts": `import type { ChatMessage } from "../generated/types.ts";
export const once: ChatMessage = { text: "once" };
`,
};

/** Writes the project; what is handed in stands for, or beside, files of it. */
export function writeProject(folder: string, other: Readonly<Record<string, string>> = {}): void {
  for (const [name, text] of Object.entries({ ...files, ...other })) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

export function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

/** Runs a command as the command line does, in this process: what the compiler has read of packages is read once. */
export async function run(
  folder: string,
  name: string,
  positionals: readonly string[],
  flags: Readonly<Record<string, string | boolean>> = {},
): Promise<Ran> {
  const before = process.cwd();
  process.chdir(folder);
  let [out, err] = ["", ""];
  const done = (code: number): Ran => ({ code, out, err });
  try {
    const code = await commands[name]!.run({
      positionals,
      flags,
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      closed: () => false,
      colour: false,
    });
    return done(code);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    err += error.message;
    return done(2);
  } finally {
    process.chdir(before);
  }
}

const parsed = new Map<string, ts.SourceFile | undefined>();

/** What TypeScript's own package, not the one that the commands use, has against the project on disk. */
export function compile(folder: string): string[] {
  const path = join(folder, "tsconfig.json");
  const config = ts.getParsedCommandLineOfConfigFile(path, {}, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: () => {},
  } as ts.ParseConfigFileHost)!;
  const host = ts.createCompilerHost(config.options);
  const { getSourceFile } = host;
  host.getSourceFile = (file, ...rest) => {
    if (file.startsWith(`${folder}/`)) return getSourceFile(file, ...rest);
    if (!parsed.has(file)) parsed.set(file, getSourceFile(file, ...rest));
    return parsed.get(file);
  };
  const program = ts.createProgram(config.fileNames, config.options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, code, start }) => {
    const line = file?.getLineAndCharacterOfPosition(start ?? 0).line ?? -1;
    return `${file?.fileName.slice(folder.length + 1)}:${line + 1} TS${code}`;
  });
}
