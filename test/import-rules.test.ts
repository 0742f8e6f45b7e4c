/** The import rules and the style rules hold in every file, no import goes in a circle, and the checkers see what is planted. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  checkImports,
  checkStyle,
  findCircles,
  MAX_FILE_LINES,
  modules,
  type SourceFile,
} from "./support/import-rules.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

function filesOf(folder: string, ending: RegExp): SourceFile[] {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => `${entry.parentPath.slice(root.length)}/${entry.name}`.replaceAll("\\", "/"))
    .filter((path) => !path.includes("node_modules/") && !/^(test|bench)\/tmp\//.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));
}

const ruled = [
  "src",
  "codegen",
  "cli",
  "dashboard",
  "generated",
  "demo",
  "fuzz",
  "simulate",
  "soak",
];

/** A file as somebody in a hurry might write it. */
const planted = (path: string, ...lines: string[]): SourceFile => ({
  path,
  text: ["/** Planted. */", ...lines].join("\n"),
});

describe("the import rules", () => {
  test("hold in every file", () => {
    const files = ruled.flatMap((folder) => filesOf(folder, /\.ts$/));
    expect(files.length).toBeGreaterThan(10);
    expect(files.flatMap(checkImports)).toEqual([]);
  });

  test.each([
    ["src/wire/a.ts", 'import { A } from "../session/session.ts";'],
    ["src/session/a.ts", 'import type { Zero } from "../zero/machine.ts";'],
    ["src/zero/a.ts", 'export { x } from "../session/acks.ts";'],
    ["src/zero/a.ts", 'import { createHmac } from "node:crypto";'],
    ["src/session/a.ts", "let at = Date.now();"],
    ["src/session/a.ts", "let at = performance.now();"],
    ["src/session/a.ts", "const skip = Math.random() < 1 / 4096;"],
    ["src/session/a.ts", "const bytes = Buffer.alloc(3);"],
    ["src/session/a.ts", "setTimeout(() => {}, 5);"],
    ["src/zero/a.ts", "const key = await crypto.subtle.generateKey();"],
    ["src/zero/a.ts", "const stop: NodeJS.Timeout = setInterval(() => {}, 5);"],
    ["src/wire/a.ts", 'import { Buffer } from "node:buffer";'],
    ["src/session/a.ts", 'import { Ring } from "../port/ring.ts";'],
    ["src/connection/a.ts", 'import { Ring } from "../port/ring.ts";'],
    ["cli/a.ts", 'import { Project } from "ts-morph";'],
    ["cli/refactor/a.ts", 'import { UsageError } from "../usage.ts";'],
    ["codegen/a.ts", 'import { Follower } from "../cli/refactor/follow.ts";'],
    ["codegen/kinds/a.ts", 'import { emit } from "../emit/emit.ts";'],
    ["codegen/kinds/a.ts", 'import type { Model } from "../model/model.ts";'],
    ["codegen/kinds/a.ts", 'import { parseSpec } from "../spec/parse.ts";'],
    ["codegen/print/a.ts", 'import { kinds } from "../kinds/kinds.ts";'],
    ["codegen/bytes/a.ts", 'import type { Lookup } from "../model/lookup.ts";'],
    ["codegen/spec/fields.ts", 'import type { TypeExpr } from "./ast.ts";'],
    ["src/connection/a.ts", 'import type { ZeroClient } from "../zero/client.ts";'],
    ["src/connection/a.ts", "let at = performance.now();"],
    ["src/port/a.ts", 'import { Pool } from "../pool/pool.ts";'],
    ["src/port/a.ts", 'import { listen } from "../server.ts";'],
    ["src/port/a.ts", 'import type { Server } from "../server.ts";'],
    ["src/port/a.ts", 'import { systems } from "../systems.ts";'],
    ["src/client.ts", 'import { Pool } from "./pool/pool.ts";'],
    ["src/pool/a.ts", 'import { simulate } from "../testing/simulate.ts";'],
    ["src/protocol.ts", 'import { Reader } from "./wire/reader.ts";'],
    ["src/errors.ts", 'import type { Protocol } from "./protocol.ts";'],
    ["src/port/a.ts", 'import { build } from "../../codegen/model/model.ts";'],
    ["src/port/a.ts", 'const p = await import("../../generated/protocol.ts");'],
    ["src/port/a.ts", 'type P = import("../../generated/protocol.ts").P;'],
    ["src/port/a.ts", 'import { parse } from "yaml";'],
    ["src/port/a.ts", 'import { Ring } from "./ring.js";'],
    ["src/new-module/a.ts", "export const a = 1;"],
    ["src/stray.ts", "export const a = 1;"],
    ["codegen/emit/a.ts", 'import { MAX_CHANNEL_ID } from "../../src/limits.ts";'],
    ["codegen/emit/a.ts", 'import { Writer } from "stardust-udp/wire";'],
    ["generated/a.ts", 'import fc from "fast-check";'],
    ["generated/a.ts", 'import { Writer } from "../src/wire/writer.ts";'],
    ["demo/a.ts", 'import { Ring } from "../src/port/ring.ts";'],
    ["demo/a.ts", 'import { build } from "../codegen/model/model.ts";'],
  ])("are seen to be broken in %s by %s", (path, line) => {
    const problems = checkImports(planted(path, line));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${path.replaceAll(".", "\\.")}:[12] `));
  });

  test.each([
    ["src/wire/a.ts", 'import { MalformedError } from "../errors.ts";'],
    ["src/protocol.ts", 'import type { Reader } from "./wire/reader.ts";'],
    ["src/connection/a.ts", 'import { Session } from "../session/session.ts";'],
    ["src/port/a.ts", 'import type { Systems } from "../systems.ts";'],
    ["src/port/a.ts", 'import { type Systems } from "../systems.ts";'],
    ["src/port/a.ts", 'import { Worker } from "node:worker_threads";'],
    ["src/zero/a.ts", "export const mac = (crypto: Crypto2): string => crypto.hmac();"],
    ["src/session/a.ts", "export const f = (s: S): number => s.performance + s.Date;"],
    ["src/session/a.ts", '// Date.now() is not for us\nexport const s = "setTimeout";'],
    ["src/testing/a.ts", 'import { Pool } from "../pool/pool.ts";'],
    ["cli/a.ts", 'const m = await import("../codegen/spec/load.ts");'],
    ["codegen/kinds/a.ts", 'import { Fields } from "../spec/fields.ts";'],
    ["codegen/kinds/a.ts", 'import { Lines } from "../print/text.ts";'],
    ["codegen/spec/a.ts", 'import { kinds } from "../kinds/kinds.ts";'],
    ["generated/a.ts", 'import { Writer } from "stardust-udp/wire"; import { a } from "./b.ts";'],
    ["demo/a.ts", 'import { listen } from "../generated/server.ts";'],
  ])("leave alone what is allowed in %s: %s", (path, line) => {
    expect(checkImports(planted(path, line))).toEqual([]);
  });

  test("keep the independent parser independent of all that it checks", () => {
    const files = filesOf("test/support", /\.ts$/).filter(({ path }) =>
      /independent(\/|-parser\.ts)/.test(path),
    );
    expect(files.length).toBeGreaterThan(3);
    for (const { path, text } of files) {
      const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, specifier]) => specifier!);
      for (const specifier of imports) {
        expect(`${path}: ${specifier}`).toMatch(/: (\.\/[\w/-]+\.ts|node:\w+|yaml|ajv)$/);
      }
    }
  });

  test("run one way: no two modules may import each other", () => {
    const circles: string[] = [];
    for (const [name, module] of Object.entries(modules)) {
      for (const other of module.imports) {
        if (modules[other]!.imports.includes(name)) circles.push(`${name} and ${other}`);
      }
    }
    expect(circles).toEqual([]);
  });
});

describe("imports in a circle", () => {
  test("are nowhere, those of types included", () => {
    const files = ruled.flatMap((folder) => filesOf(folder, /\.ts$/));
    expect(findCircles(files)).toEqual([]);
  });

  const a = (line: string) => planted("src/a.ts", line);
  const back = planted("src/port/b.ts", 'import { a } from "../a.ts";');

  test.each([
    'import { b } from "./port/b.ts";',
    'import "./port/b.ts";',
    'import * as b from "./port/b.ts";',
    'import type { B } from "./port/b.ts";',
    'import { type B } from "./port/b.ts";',
    'export { b } from "./port/b.ts";',
    'export * from "./port/b.ts";',
    'export type { B } from "./port/b.ts";',
    'export type * from "./port/b.ts";',
    'export type A = import("./port/b.ts").B;',
    "export type A = typeof import('./port/b.ts');",
    'export const b = () => import("./port/b.ts");',
    "export const b = async () => (await import(`./port/b.ts`)).b;",
  ])("are found where one half is: %s", (line) => {
    expect(findCircles([a(line), back])).toEqual(["src/a.ts -> src/port/b.ts -> src/a.ts"]);
  });

  test("are found through many files, and each group of files is told once, by a shortest circle", () => {
    const files = [
      planted("cli/a.ts", 'import { b } from "./b.ts";', 'import { d } from "./d.ts";'),
      planted("cli/b.ts", 'import type { C } from "./c.ts";'),
      planted("cli/c.ts", 'export * from "./a.ts";', 'import { b } from "./b.ts";'),
      planted("cli/d.ts", 'import { self } from "./d.ts";'),
    ];
    expect(findCircles(files)).toEqual([
      "cli/a.ts -> cli/b.ts -> cli/c.ts -> cli/a.ts",
      "cli/d.ts -> cli/d.ts",
    ]);
  });

  test("are not seen where two ways lead to one file, nor in comments, texts and computed imports", () => {
    const files = [
      planted("src/a.ts", 'import { b } from "./b.ts";', 'import { c } from "./c.ts";'),
      planted("src/b.ts", 'import type { C } from "./c.ts";'),
      planted(
        "src/c.ts",
        '// import { a } from "./a.ts";',
        "export const c = 'import \"./a.ts\"';",
      ),
      planted("src/d.ts", "export const d = (url: string) => import(url);"),
    ];
    expect(findCircles(files)).toEqual([]);
  });
});

describe("the style rules", () => {
  test("hold in every file", () => {
    const commented = ["src", "codegen", "cli", "fuzz", "simulate", "soak"].flatMap((folder) =>
      filesOf(folder, /\.([mc]?[jt]s|lua)$/),
    );
    const others = ["test", "demo", "bench", "examples", "scripts"].flatMap((folder) =>
      filesOf(folder, /\.[mc]?[jt]s$/).filter(({ path }) => !/\/(dist|generated)\//.test(path)),
    );
    // The rules themselves are spelled out in two files.
    const rules = /^test\/(import-rules\.test|support\/import-rules)\.ts$/;
    expect([
      ...commented.flatMap((file) => checkStyle(file, true)),
      ...others.filter((file) => !rules.test(file.path)).flatMap((file) => checkStyle(file, false)),
    ]).toEqual([]);
  });

  test.each([
    ["is longer", planted("src/a.ts", ...Array<string>(MAX_FILE_LINES).fill("//"))],
    ["does not open", { path: "src/a.ts", text: "export const a = 1;" }],
    ["note for later", planted("src/a.ts", "// TODO: the rest")],
    ["not #private", planted("src/a.ts", "class A {", "  private readonly b = 1;", "}")],
    ["one test only", planted("test/a.test.ts", 'it.only("works", () => {});')],
    ["without saying why", planted("test/a.test.ts", "", 'test.skip("works", () => {});')],
  ])("are seen to be broken where a file %s", (what, file) => {
    const problems = checkStyle(file, true);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(what);
  });

  test("leave alone a test that is left out with a reason", () => {
    const lines = ["// Needs a second address.", 'test.skip("works", () => {});'];
    expect(checkStyle(planted("test/a.test.ts", ...lines), true)).toEqual([]);
  });
});
