/**
 * Whatever words a spec has, they stay words in every artefact: TypeScript, JavaScript, the dissector, the page and the
 * JSON. That the TypeScript of one such spec compiles and runs is emit.test.ts's.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { emitDissector, luaString } from "#codegen/emit/dissector.js";
import { emit } from "#codegen/emit/emit.js";
import { toJavaScript } from "#codegen/emit/javascript.js";
import { prose } from "#codegen/emit/markdown.js";
import { emitModelJson } from "#codegen/emit/model-json.js";
import { emitPage } from "#codegen/emit/page.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { pcapOf } from "../support/pcap.ts";
import { readVectors, type Vectors } from "../support/revive.ts";
import { run, skipWithoutTshark } from "../support/tshark.ts";
import { header } from "./specs.ts";
import { generate, typeProblems, typeScriptOf } from "./support/generate.ts";
import { hostile, hostileModel } from "./support/hostile.ts";

const trap = fileURLToPath(new URL("../tmp/pwned", import.meta.url));
const call = `os.execute("touch ${trap}")`;

const texts: Record<string, string> = {
  everything: hostile,
  "a comment's end": "*/ x /*",
  "long brackets of Lua": `]] ${call} [[ ]==] ${call} [==[`,
  "a comment of Lua": `--[[ x ]] ${call}\n--`,
  "a string of Lua": `" .. ${call} .. "`,
  "a backslash at the end": "x\\",
  "a decimal escape": "\\0341",
  script: "<script>alert(1)</script> <img src=x onerror=alert(1)> </td> <!-- --> ]]>",
  "a table": "a | b || \\| c",
  "links and images": "[x](javascript:alert(1)) ![y](z) <http://a.b> https://a.b www.a.b [r]: x",
  "backticks and fences": "` `` ``` ~~~ `a` ``b`` `<b>` `c",
  "headings and lists": "# a\n\n## b\n- c\n1. d\n> e\n---\n===\n| f |\n|---|",
  emphasis: "**a** __b__ *c* ~~d~~",
  "what HTML calls characters": "&lt;script&gt; &#60;b&#62; &",
  "lines of every kind": "a\u2028b\u2029c\rd\u0085e\vf",
  "NUL and controls": "a\0b\u0001\u001b[31mc\u007f",
  "text that turns": "a\u202eb\u2066c\u200bd\ufeff",
  "half of a pair": "a\ud800b\udc00",
  emoji: "🚀👩‍👩‍👧 é",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what is tried
  "a template": "${process.exit(1)} `${x}`",
  quotes: "' \" ‘ ’ “ ”",
  nothing: " ",
};
const entries = Object.entries(texts);

/** The kinds of everything in a file of TypeScript or JavaScript, in order: its shape without its words. */
function shapeOf(name: string, text: string): string {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, false);
  const { parseDiagnostics } = file as unknown as { parseDiagnostics: readonly ts.Diagnostic[] };
  expect(parseDiagnostics.map((d) => ts.flattenDiagnosticMessageText(d.messageText, " "))).toEqual(
    [],
  );
  const kinds: ts.SyntaxKind[] = [];
  const walk = (node: ts.Node): void => {
    kinds.push(node.kind);
    ts.forEachChild(node, walk);
  };
  walk(file);
  return kinds.join();
}

function shapesOf(files: ReadonlyMap<string, string>): Record<string, string> {
  const code = [...files].filter(([name]) => /\.(ts|js)$/.test(name));
  return Object.fromEntries(code.map(([name, text]) => [name, shapeOf(name, text)]));
}

/** What a harmless text makes that is no identifier either. */
const harmless = "a b";

describe("every file", () => {
  it.each(entries)("is text that UTF-8 holds: %s", async (_, text) => {
    const files = await emit(hostileModel(text));
    const changed = [...files].filter(([, file]) => Buffer.from(file).toString() !== file);
    expect(changed.map(([name]) => name)).toEqual([]);
  });
});

describe("the TypeScript", () => {
  it.each(entries)("has the shape that a harmless word gives it: %s", async (_, text) => {
    const shapes = shapesOf(await emit(hostileModel(text)));
    expect(Object.keys(shapes).length).toBe(13);
    const expected = shapesOf(await emit(hostileModel(harmless)));
    for (const [name, shape] of Object.entries(shapes)) {
      expect(shape === expected[name], name).toBe(true);
    }
  });

  it("has no line of a comment that ends it, and no tag of its own in one", async () => {
    for (const [title, text] of entries) {
      for (const [name, code] of await emit(hostileModel(text))) {
        if (!name.endsWith(".ts")) continue;
        for (const [comment] of code.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
          const tags = [...comment.matchAll(/^\s*(?:\/\*)?\*+\s*@(\w+)/gm)].map(([, tag]) => tag);
          const known = tags.filter((tag) => !/^(deprecated|see|example)$/.test(tag!));
          expect(known, `${title}, ${name}`).toEqual([]);
        }
      }
    }
  });
});

describe("the JavaScript", () => {
  const chosen = [
    "everything",
    "lines of every kind",
    "a template",
    "script",
    "a backslash at the end",
  ];

  it.each(chosen)("has the shape that a harmless word gives it: %s", async (title) => {
    const shapes = shapesOf(toJavaScript(await emit(hostileModel(texts[title]!))));
    const expected = shapesOf(toJavaScript(await emit(hostileModel(harmless))));
    expect(Object.keys(shapes)).toEqual(Object.keys(expected));
    for (const [name, shape] of Object.entries(shapes)) {
      expect(shape === expected[name], name).toBe(true);
    }
  });

  it("runs nothing of the spec's when it is loaded, and works", async () => {
    const files = toJavaScript(await emit(hostileModel()));
    const folder = fileURLToPath(new URL("../tmp/injection-js/", import.meta.url));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of files) writeFileSync(folder + name, text);
    const load = (name: string) => import(pathToFileURL(folder + name).href);
    for (const name of files.keys()) if (name.endsWith(".js")) await load(name);
    const testing = await load("testing.js");
    for (const channel of ["chat", hostile]) {
      const message = testing.example[channel]();
      expect(testing.decode[channel](testing.encode[channel](message))).toStrictEqual(message);
    }
    expect((globalThis as { pwned?: unknown }).pwned).toBeUndefined();
  });
});

describe("the dissector", () => {
  it.each(entries)("has no code of the spec's: %s", (_, text) => {
    const lua = emitDissector(hostileModel(text));
    const end = lua.indexOf("\n}\n");
    const table = lua.slice(0, end + 3);
    // Outside of its strings the table is nothing but a table; in them nothing but printable ASCII.
    const bare = table.replace(/"(?:[ !#-[\]-~]|\\\d{3})*"/g, "S");
    expect(bare).toMatch(/^local model = \{[\w\s=[\]{},.+-]*\}\n$/);
    expect(bare).not.toMatch(/--|\bos\b|\(/);
    const other = emitDissector(hostileModel("x"));
    expect(lua.slice(end)).toBe(other.slice(other.indexOf("\n}\n")));
  });

  it("writes bytes that Lua reads back", () => {
    expect(luaString('a"\\\n\0é]]')).toBe('"a\\034\\092\\010\\000\\195\\169\\093\\093"');
  });

  // Without tshark there is nothing to ask; where CI is set that fails instead.
  it.skipIf(skipWithoutTshark)(
    "loads in tshark, shows the names, and runs none of them",
    () => {
      rmSync(trap, { force: true });
      for (const [name, text] of entries) {
        const model = hostileModel(text);
        const vectors = readVectors(emitVectors(model));
        const alone = vectors.datagrams.find((v) => v.case.endsWith(": alone"))!;
        const packet = { bytes: Buffer.from(alone.hex, "hex"), sourcePort: 2, destinationPort: 1 };
        const { stdout, stderr } = run(emitDissector(model), pcapOf([packet]), ["-V"]);
        expect(stderr, name).not.toMatch(/Lua|error/i);
        expect(stdout, name).toContain("Stardust: ");
        expect(stdout, name).toContain("color: ");
        expect(stdout, name).not.toContain("mistake of the dissector");
      }
      expect(existsSync(trap)).toBe(false);
    },
    60_000,
  );
});

describe("words of JavaScript and Lua as names", () => {
  const reserved =
    "end function local nil class default delete await arguments header this x h w r view".split(
      " ",
    );
  const fields = reserved.map((name) => `    - { name: ${name}, type: u8 }`).join("\n");
  const members = reserved.map((name) => `${name}: { type: boolean }`).join(", ");
  const spec = header(["  frame:\n", `${fields}\n  frame:\n`]).concat(
    `zero: { join: { body: { type: object, required: [end, class], properties: { ${members} } } } }\n`,
  );

  it("may be fields of a header and members of a zero message", async () => {
    const { model } = modelOf(spec);
    const made = await generate("injection-words", model);
    expect(typeProblems(typeScriptOf([made]))).toEqual([]);
    const { protocol } = await made.load("protocol");
    expect(protocol.header.userFields.map((field: { name: string }) => field.name)).toEqual(
      reserved,
    );
  });

  // Without tshark there is nothing to ask; where CI is set that fails instead.
  it.skipIf(skipWithoutTshark)("are shown by the dissector", () => {
    const { model, vectors } = modelOf(spec);
    const { hex } = vectors.datagrams.find(
      (v) => v.case === "the largest of every field of one's own",
    )!;
    const packet = { bytes: Buffer.from(hex, "hex"), sourcePort: 2, destinationPort: 1 };
    const { stdout, stderr } = run(emitDissector(model), pcapOf([packet]), ["-V"]);
    expect(stderr).not.toMatch(/Lua|error/i);
    for (const name of reserved) expect(stdout).toMatch(new RegExp(`^ +${name}: 255$`, "m"));
  });
});

function modelOf(spec: string): { model: Model; vectors: Vectors } {
  const model = resolveSpec(loadSpec(spec, "protocol.yaml"))!;
  return { model, vectors: readVectors(emitVectors(model)) };
}

/** The page without its fenced blocks and code spans, which show text as it is. */
function outside(page: string): string {
  const parts = page.split(/^```.*$/m);
  expect(parts.length % 2).toBe(1);
  const text = parts.filter((_, i) => i % 2 === 0).join("\n");
  // Where a link leads is no text: its anchor is what a renderer makes of the heading.
  return text.replace(/`[^`\n]*`/g, "code").replace(/\]\(#[\w-]*\)/g, "](#place)");
}

describe("the page", () => {
  it.each(entries)("has no Markdown and no HTML of the spec's: %s", (_, text) => {
    const page = emitPage(hostileModel(text));
    const plain = emitPage(hostileModel("x"));
    const markup = outside(page);
    expect(markup).not.toMatch(/<|>|~~|__|`|!\[|\]\((?!#[\w-]*\))/);
    expect(markup.replaceAll("**Deprecated.**", "")).not.toContain("*");
    expect(markup).not.toMatch(/\w:\/\/|www\./);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    // The same lines, headings, tables and cells as with a harmless word.
    const shape = (p: string) =>
      outside(p)
        .split("\n")
        .map((line) => [
          /^#* ?/.exec(line)![0],
          line.split("|").length,
          /^ *(-|\d+[.)]) /.test(line),
        ]);
    expect(shape(page)).toEqual(shape(plain));
  });

  it("leaves ordinary words readable", () => {
    expect(prose("Strength of the step east, in m/s (see `moveX`).")).toBe(
      "Strength of the step east, in m/s (see `moveX`).",
    );
    expect(prose("a|b <c> 1. d")).toBe("a&#124;b &#60;c&#62; 1. d");
    expect(prose("1. d - e-f")).toBe("1&#46; d &#45; e-f");
  });
});

describe("the JSON", () => {
  it.each(entries)("says what the spec says: %s", (_, text) => {
    const model = hostileModel(text);
    expect(JSON.parse(emitModelJson(model))).toMatchObject({ name: model.name });
    const vectors = readVectors(emitVectors(model));
    const names = vectors.messages.flatMap((v) => Object.keys(v.value));
    expect(names).toContain(text);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
