/** `stardust rename` in projects of other shapes: the example, two hundred files, JavaScript, tsconfigs that refer to others. */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commit } from "#cli/refactor/commit.js";
import { renamedDeclarations } from "#cli/refactor/declarations.js";
import { dependents } from "#cli/refactor/dependents.js";
import { UserProject } from "#cli/refactor/project.js";
import { roleOf, roles } from "#cli/refactor/roles.js";
import { emit } from "#codegen/emit/emit.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { compile, read, run, spec, writeProject } from "./followed-project.ts";
import { root, stardust, temporaryFolder } from "./run.ts";

/** Each runs the compiler a few times. */
const timeout = 180_000;

describe("stardust rename", { timeout }, () => {
  it("follows a channel, a member and a type through examples/pong, and says why it cannot follow a side", async () => {
    const folder = temporaryFolder("pong");
    for (const name of ["protocol.yaml", "tsconfig.json", "package.json", "src", "test"]) {
      cpSync(join(root, "examples/pong", name), join(folder, name), { recursive: true });
    }
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules/stardust-udp"));
    for (const [path, to] of [
      ["say", "speak"],
      ["speak.text", "words"],
      ["Ball.x", "across"],
      ["Ball", "Puck"],
      ["Side", "Seat"],
    ] as const) {
      expect(await run(folder, "rename", [path, to])).toMatchObject({ code: 0 });
    }
    expect(compile(folder)).toEqual([]);
    expect(read(folder, "src/server.ts")).toContain(
      "server.broadcast.speak({ from: side, words: text }",
    );
    expect(read(folder, "src/game.ts")).toContain(
      "readonly ball = { across: WIDTH / 2, y: HEIGHT / 2 };",
    );
    // What the score is counted in has the sides' names, and so has a message of its own.
    const before = read(folder, "src/server.ts");
    const refused = await run(folder, "rename", ["Seat.left", "west"]);
    expect(refused.code).toBe(1);
    const line = before.split("\n").findIndex((text) => text.includes("broadcast.score(")) + 1;
    expect(line).toBeGreaterThan(0);
    const said = new RegExp(`refused: .*\\n {2}src/server\\.ts:${line}:\\d+ .*'ScoreMessage'`);
    expect(refused.err).toMatch(said);
    expect(read(folder, "src/server.ts")).toBe(before);
  });

  it("follows a channel through a project of two hundred files", async () => {
    const folder = temporaryFolder("large");
    const modules: Record<string, string> = {};
    for (let i = 0; i < 196; i++) {
      modules[`src/part${i}.ts`] = `import { client } from "./client.ts";
import type { ChatMessage } from "../generated/types.ts";
${i === 0 ? "" : `import { line${i - 1} } from "./part${i - 1}.ts";\n`}
export const line${i}: ChatMessage = { text: "part ${i}" };
export function say${i}({ text }: ChatMessage): boolean {
  return client.send.chat({ text: text + ${i === 0 ? "text" : `line${i - 1}.text`} });
}
`;
    }
    writeProject(folder, modules);
    // As users run it: a process of its own, that has read nothing before.
    const startMs = performance.now();
    const { code, out } = stardust(folder, "rename", "chat.text", "body");
    console.log(`renamed in 200 files in ${Math.round(performance.now() - startMs)} ms`);
    expect(code).toBe(0);
    expect(out).toMatch(/in 19[89] files of yours follow/);
    expect(read(folder, "src/part195.ts")).toContain("chat({ body: text + line194.body });");
    expect(compile(folder)).toEqual([]);
  });

  it("follows names where JavaScript is generated, with declarations beside it", async () => {
    const folder = temporaryFolder("js");
    const own = `import { connect } from "../generated/client.js";
import { Kind } from "../generated/types.js";
const client = await connect({ port: 1, join: { text: "ada" } });
client.send.chat({ text: \`\${Kind.body}\` });
`;
    writeProject(folder, { "src/own.ts": own });
    for (const name of readdirSync(join(folder, "src"))) {
      if (name !== "own.ts") rmSync(join(folder, "src", name));
    }
    rmSync(join(folder, "test"), { recursive: true });
    expect(await run(folder, "generate", [], { target: "js" })).toMatchObject({ code: 0 });
    expect(await run(folder, "rename", ["chat", "say"])).toMatchObject({ code: 0 });
    expect(await run(folder, "rename", ["Kind.body", "torso"])).toMatchObject({ code: 0 });
    expect(read(folder, "src/own.ts")).toBe(
      own.replace("send.chat", "send.say").replace("Kind.body", "Kind.torso"),
    );
    expect(read(folder, "generated/types.js")).toContain("torso: 0");
    expect(await run(folder, "generate", [], { target: "js", check: true })).toMatchObject({
      code: 0,
    });
    expect(compile(folder)).toEqual([]);
  });

  it("follows names into the projects that a tsconfig refers to", async () => {
    const folder = temporaryFolder("references");
    writeProject(folder);
    const inner = read(folder, "tsconfig.json").replace('"src", "test", "generated"', '"**/*.ts"');
    for (const part of ["src", "test"]) writeFileSync(join(folder, part, "tsconfig.json"), inner);
    const outer = { files: [], references: [{ path: "src" }, { path: "test/tsconfig.json" }] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(outer));
    expect(await run(folder, "rename", ["chat", "say"])).toMatchObject({ code: 0 });
    expect(read(folder, "test/game.test.ts")).toContain("isSay");
    expect(read(folder, "src/client.ts")).toContain("client?.send.say?.(line);");
  });
});

describe("the files that a change can reach", () => {
  const own: Readonly<Record<string, string>> = {
    "src/near.ts": 'import type { Vec2 } from "../generated/types.ts";\nexport type Near = Vec2;\n',
    "src/far.ts": 'export type Far = import("./near.ts").Near;\n',
    "src/later.ts": 'export const later = () => import("./far.ts");\n',
    "src/again.ts": 'export * from "./later.ts";\n',
    "src/apart.ts": "export const apart = 1;\n",
    "src/beside.ts": 'import { apart } from "./apart.ts";\nexport const beside = apart;\n',
  };
  const reached = async (other: Readonly<Record<string, string>>, changed: string[]) => {
    const folder = temporaryFolder("dependents");
    writeProject(folder, { ...own, ...other });
    for (const name of ["server", "client", "kinds", "places"]) {
      rmSync(join(folder, `src/${name}.ts`));
    }
    rmSync(join(folder, "test"), { recursive: true });
    expect(await run(folder, "generate", [])).toMatchObject({ code: 0 });
    const project = new UserProject(join(folder, "tsconfig.json"), join(folder, "generated"));
    const paths = new Set(changed.map((name) => join(folder, name)));
    return dependents(project, paths).map((path) => path.slice(folder.length + 5));
  };

  it("are those that come to it by any form of import, and no others", { timeout }, async () => {
    expect((await reached({}, [])).sort()).toEqual(["again.ts", "far.ts", "later.ts", "near.ts"]);
    expect(await reached({}, ["src/apart.ts"])).toHaveLength(6);
  });

  it("are all where what has changed is seen without an import", { timeout }, async () => {
    const all = "declare global { var seen: number; }\nexport {};\n";
    expect(await reached({ "src/all.ts": all }, ["src/all.ts"])).toHaveLength(7);
    expect(await reached({ "src/all.ts": all }, [])).toHaveLength(4);
  });
});

describe("several files that change as one", () => {
  it("are all as they were where one of them cannot be written, and where one has changed meanwhile", () => {
    const folder = temporaryFolder("commit");
    const path = (name: string) => join(folder, name);
    writeFileSync(path("a"), "a");
    writeFileSync(path("b"), "b");
    writeFileSync(path("gone"), "gone");
    mkdirSync(path("folder/inner"), { recursive: true });
    const writes = [
      { path: path("a"), before: "a", after: "A" },
      { path: path("new"), after: "new" },
      { path: path("gone"), after: undefined },
    ];
    const there = () =>
      Object.fromEntries(
        readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ name }) => [name, readFileSync(path(name), "utf8")]),
      );
    const all = { a: "a", b: "b", gone: "gone" };
    // A folder stands where a file should be.
    expect(() => commit([...writes, { path: path("folder"), after: "x" }])).toThrow(
      "nothing was changed",
    );
    expect(there()).toEqual(all);
    expect(() => commit([...writes, { path: path("b"), before: "other", after: "B" }])).toThrow(
      "has changed since it was read",
    );
    expect(there()).toEqual(all);
    commit([...writes, { path: path("b"), before: "b", after: "B" }]);
    expect(there()).toEqual({ a: "A", b: "B", new: "new" });
  });
});

describe("the table of who sends and who receives", () => {
  it("has every class and interface of the faces that has a channel's name, and no others", async () => {
    const made = async (text: string) => {
      const loaded = loadSpec(text, "protocol.yaml");
      return emit(resolveSpec(loaded)!, [], []);
    };
    const noticed = spec.replace("    direction: both\n", "$&    notices: true\n");
    const asked = noticed.replace(
      "  chat: #",
      "  trade: { id: 77, direction: both, message: { n: u8 }, response: {} }\n$&",
    );
    const renamed = [
      ["  chat: #", "  say: #"],
      ["  trade: {", "  barter: {"],
    ].map(async ([from, to]) =>
      renamedDeclarations(await made(asked), await made(asked.replace(from!, to!))),
    );
    const faces = (await Promise.all(renamed))
      .flat()
      .filter(
        ({ file, role }) => role === "member" && /^(face|client|server|systems)\.ts$/.test(file),
      );
    expect(faces.length).toBeGreaterThan(8);
    for (const one of faces) expect([one, roleOf(one)?.what]).toEqual([one, expect.any(String)]);
    const rows = Object.entries(roles).flatMap(([file, owners]) =>
      Object.keys(owners).map((owner) => `${file}.ts ${owner}`),
    );
    expect([...new Set(faces.map(({ file, owner }) => `${file} ${owner}`))].sort()).toEqual(
      rows.sort(),
    );
  });
});
