/** A generated file imports what its text names, no more and no less. */
import { describe, expect, test } from "vitest";
import { type Func, printFile, usedFunctions } from "#codegen/print/declarations.js";
import { Module } from "#codegen/print/module.js";
import { Lines } from "#codegen/print/text.js";

function file(print: (lines: Lines) => void): string {
  const module = new Module();
  const lines = new Lines(module);
  print(lines);
  return printFile(module.imports, [{ kind: "raw", text: lines.text }]);
}

describe("a generated file", () => {
  test("imports nothing where nothing is named", () => {
    expect(file((lines) => lines.add('const text = "checkBool(";'))).toBe(
      'const text = "checkBool(";\n',
    );
  });

  test("imports each name once, packages first, and a type as a type unless its value is needed", () => {
    const text = file((lines) => {
      const { module } = lines;
      lines.add(`${module.value("./zero.ts", "zero")};`);
      lines.add(`${lines.wire("checkBool")}(); ${lines.wire("checkBool")}();`);
      lines.add(`let r: ${module.type("stardust-udp/wire", "Reader")};`);
      lines.add(`${module.type("stardust-udp", "Late")}, ${module.value("stardust-udp", "Late")};`);
      lines.add(`${module.value("stardust-udp/client", "connect", "connectTo")}();`);
      lines.add(`let v: ${module.typeOf("Vec2")};`);
    });
    expect(text).toBe(
      [
        'import { Late } from "stardust-udp";',
        'import { connect as connectTo } from "stardust-udp/client";',
        'import { type Reader, checkBool } from "stardust-udp/wire";',
        'import type * as types from "./types.ts";',
        'import { zero } from "./zero.ts";',
        "",
        "zero;",
        "checkBool(); checkBool();",
        "let r: Reader;",
        "Late, Late;",
        "connectTo();",
        "let v: types.Vec2;",
        "",
      ].join("\n"),
    );
  });

  test("makes only the functions that its roots come to, in the order of the model", () => {
    const made: string[] = [];
    const maker = (name: string, ...uses: string[]): [string, () => Func] => [
      name,
      () => {
        made.push(name);
        const parts = { parameters: [], returns: "void", body: "" };
        return { kind: "function", name, ...parts, uses: new Set(uses) };
      },
    ];
    const makers = new Map([maker("a"), maker("b", "a", "nobody's"), maker("c", "b"), maker("d")]);
    const names = usedFunctions(["c"], makers).map(({ name }) => name);
    expect(names).toEqual(["a", "b", "c"]);
    expect(made.sort()).toEqual(["a", "b", "c"]);
  });
});
