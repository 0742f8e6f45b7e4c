/**
 * Every name that generated code has for itself, given to a spec as a channel, a type, a member, an enum value, a variant,
 * a header field and a member of a body: what is generated then compiles and still does what it says.
 */
import { readFileSync } from "node:fs";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { emit } from "#codegen/emit/emit.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import {
  channelTypeName,
  namePattern,
  notForChannels,
  onEveryObject,
  pascalCase,
  reservedTypeNames,
} from "#codegen/spec/names.js";
import { builtInTypes } from "#codegen/spec/type-names.js";
import { type Generated, generate, typeProblems, typeScriptOf } from "./support/generate.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

const menagerie = readFileSync(new URL("../specs/menagerie.yaml", import.meta.url), "utf8");

interface Loaded {
  readonly model: Model | undefined;
  readonly refused: readonly { readonly code: string; readonly message: string }[];
}

function load(text: string): Loaded {
  const loaded = loadSpec(text, "spec.yaml");
  const model = resolveSpec(loaded);
  return { model, refused: loaded.diagnostics.sorted().filter((d) => d.severity === "error") };
}

/** What may stand around a name in one that is made of it: `isZero` is what a channel `zero` would ask for. */
const around =
  /^(?:is|example|any|size|encode|write|decode|valueOf|nameOf|namesOf|zero)(?=[A-Z])|(?:Encoder|Decoder|Message|Body)$/g;

/**
 * All that is declared in some files, or used there without, and what of it stands at the top of one: functions, constants,
 * imports, locals, members, globals; and what these could have been made of.
 */
function declared(files: ReadonlyMap<string, string>): { all: Set<string>; top: Set<string> } {
  const [all, top] = [new Set<string>(), new Set<string>()];
  for (const [name, text] of files) {
    if (!name.endsWith(".ts")) continue;
    const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
    const look = (node: ts.Node, depth: number): void => {
      const { parent } = node;
      if (ts.isIdentifier(node) && (parent as { name?: ts.Node }).name === node) {
        all.add(node.text);
        if (ts.isImportSpecifier(parent) || depth <= 4) top.add(node.text);
      }
      if (ts.isIdentifier(node) && isUse(node)) {
        all.add(node.text);
        top.add(node.text);
      }
      const isBody = ts.isBlock(node) || ts.isClassLike(node) || ts.isObjectLiteralExpression(node);
      ts.forEachChild(node, (child) => look(child, isBody ? 9 : depth + 1));
    };
    look(file, 0);
  }
  for (const names of [all, top]) {
    for (const name of [...names]) {
      const made = name.replace(around, "");
      if (made !== name) names.add(made).add(made.charAt(0).toLowerCase() + made.slice(1));
    }
  }
  return { all, top };
}

/** A type, or what is called, made or looked into. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isTypeReferenceNode(parent)) return true;
  return (
    (ts.isCallExpression(parent) ||
      ts.isNewExpression(parent) ||
      ts.isPropertyAccessExpression(parent)) &&
    parent.expression === node
  );
}

const types = [
  "u8",
  "{ u8: { min: 0, max: 7 } }",
  "varint",
  "{ string: { maxBytes: 9 } }",
  "{ bytes: { maxBytes: 9 } }",
  "{ list: { of: u16, max: 3 } }",
  "{ map: { key: u8, value: bool, max: 3 } }",
  "f64",
  "bool",
  "{ f32: { min: 0, max: 1, bits: 9 } }",
  "Inner",
  "Choice",
  "Colour",
];
const inner = [
  "types:",
  "  Inner: { struct: { x: u8 } }",
  "  Choice: { union: { a: u8, b: Inner } }",
  "  Colour: { enum: { red: 0, blue: 1 } }",
];
const head = ["stardust: 1", "protocol: { name: own }", "security: plain"];
const anyChannel = "channels: { c: { id: 0, delivery: reliable, message: { a: u8 } } }";

function chunks<T>(list: readonly T[], size: number): T[][] {
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, i) => list.slice(i * size, (i + 1) * size));
}

const quoted = (name: string): string => JSON.stringify(name);
const optional = (i: number): string => (i % 3 === 0 ? "true" : "false");

/** Names of which no two become one, by what they become. */
function distinct(names: readonly string[], made: (name: string) => string): string[] {
  return [...new Map(names.map((name) => [made(name), name])).values()];
}

/** Specs that have all names in one place. */
const places: Readonly<Record<string, (names: readonly string[]) => string[]>> = {
  channel: (names) => [
    [
      ...[...head, "channels:"],
      ...distinct(names, channelTypeName).map((name, id) => {
        const direction = ["both", "server-to-client", "client-to-server"][id % 3];
        const message = `{ a: u8, in: { struct: { a: u8 } }, as: { enum: { x: 1, y: 2 } } }`;
        return `  ${quoted(name)}: { id: ${id}, delivery: reliable, direction: ${direction}, message: ${message} }`;
      }),
    ].join("\n"),
  ],
  "system message": (names) => [
    [
      ...[...head, anyChannel.replace("{ c:", "{ onlyChannel:"), "system:"],
      ...distinct(names, channelTypeName).map((name, i) => {
        const from = ["systems", "application", "systems"][i % 3];
        const to = ["application", "systems", "systems"][i % 3];
        return `  ${quoted(name)}: { direction: ${from}-to-${to}, message: { a: u8 } }`;
      }),
    ].join("\n"),
  ],
  type: (names) => {
    const good = distinct(names, pascalCase);
    const forms = ["struct: { x: u8, y: varint }", "enum: { a: 0, b: 1 }", "union: { a: u8 }"];
    return [
      [
        ...[...head, "types:"],
        ...good.map((name, i) => `  ${name}: { ${forms[i % 3]} }`),
        "channels:",
        ...chunks(good, 50).flatMap((list, id) => [
          `  c${id}:`,
          ...[`    id: ${id}`, "    delivery: reliable", "    message:"],
          ...list.map((name, i) => `      m${i}: { type: ${name}, optional: ${optional(i)} }`),
        ]),
      ].join("\n"),
    ];
  },
  member: (names) => [
    [
      ...[...head, ...inner, "channels:"],
      ...chunks(names, 40).flatMap((list, id) => [
        `  c${id}:`,
        ...[`    id: ${id}`, "    delivery: reliable", "    message:"],
        ...list.map(
          (name, i) =>
            `      ${quoted(name)}: { type: ${types[(i + id) % types.length]}, optional: ${optional(i)} }`,
        ),
      ]),
    ].join("\n"),
  ],
  "enum value": (names) => [
    [
      ...[...head, "channels:"],
      ...chunks(names, 200).map((list, id) => {
        const values = list.map((name, i) => `${quoted(name)}: ${i}`).join(", ");
        return `  c${id}: { id: ${id}, delivery: reliable, message: { e: { enum: { ${values} } } } }`;
      }),
    ].join("\n"),
  ],
  variant: (names) => [
    [
      ...[...head, ...inner, "channels:"],
      ...chunks(distinct(names, pascalCase), 100).map((list, id) => {
        const variants = list.map((name, i) => `${quoted(name)}: ${types[i % types.length]}`);
        return `  c${id}: { id: ${id}, delivery: reliable, message: { v: { union: { ${variants.join(", ")} } } } }`;
      }),
    ].join("\n"),
  ],
  // Those with a varint are read into locals, the user's own are not.
  "header field": (names) =>
    chunks(names, 12).map((list) => {
      const [varints, own] = [list.slice(0, 4), list.slice(4)];
      let text = menagerie.replace("    - { name: load, type: u8, when: [busy] }\n", "");
      ["receiveLimit", "sliceIndex", "sliceCount", "length"].forEach((role, i) => {
        if (varints[i] !== undefined) text = text.replace(`name: ${role},`, `name: ${varints[i]},`);
      });
      const fields = own.map(
        (name, i) => `    - { name: ${name}, type: ${["u8", "f32", "u24"][i % 3]} }\n`,
      );
      return text.replace("  sealed:\n", `${fields.join("")}  sealed:\n`);
    }),
  "member of a body": (names) => [
    [
      ...[...head, anyChannel, "zero:", "  join:", "    body:", "      type: object"],
      "      properties:",
      ...names.slice(0, 30).map((name) => `        ${quoted(name)}: { type: boolean }`),
    ].join("\n"),
  ],
};

/** The names that a spec may give there: others are refused with a diagnostic. */
function legal(names: Iterable<string>, place: string): string[] {
  return [...names].filter((name) => {
    if (!namePattern.test(name) || onEveryObject.has(name)) return false;
    if (place === "channel" || place === "system message") return !notForChannels.has(name);
    return place !== "type" || !(builtInTypes.has(name) || reservedTypeNames.has(pascalCase(name)));
  });
}

/** Names that the layout's other fields have are taken. */
function legalHeaderNames(names: Iterable<string>): string[] {
  const conditions = ["numbered", "unsized"];
  return [...names].filter(
    (name) => !conditions.includes(name) && !new RegExp(`name: ${name},`).test(menagerie),
  );
}

const generated = new Map<string, Generated[]>();
const models = new Map<string, Model[]>();

beforeAll(async () => {
  const files = await emit(load(menagerie).model!);
  const { all, top } = declared(files);
  const header = files.get("header.ts")!;
  const ofHeader = legalHeaderNames(declared(new Map([["header.ts", header]])).all);
  for (const place of Object.keys(places)) {
    const few = ["channel", "system message", "type"].includes(place);
    const names = place === "header field" ? ofHeader : few ? top : all;
    const made = places[place]!(legal(names, place)).map(load);
    expect(made.flatMap(({ refused }) => refused)).toEqual([]);
    const resolved = made.map(({ model }) => model!);
    models.set(place, resolved);
    generated.set(
      place,
      await Promise.all(
        resolved.map((model, i) => generate(`own-${place.replaceAll(" ", "-")}-${i}`, model, [])),
      ),
    );
  }
}, 120_000);

describe("names that generated code has for itself", () => {
  test("are hundreds, and nearly all of them are tried", () => {
    const count = (place: string, of: (model: Model) => number) =>
      models.get(place)!.reduce((sum, model) => sum + of(model), 0);
    expect(count("channel", (model) => model.channels.length)).toBeGreaterThan(150);
    expect(count("type", (model) => model.enums.length + model.unions.length)).toBeGreaterThan(80);
    expect(
      count("member", (model) => model.structs.reduce((sum, s) => sum + s.members.length, 0)),
    ).toBeGreaterThan(400);
  });

  test("compile in every place of a spec", () => {
    expect(typeProblems(typeScriptOf([...generated.values()].flat()))).toEqual([]);
  }, 120_000);

  test.each(Object.keys(places))("do what they say as a %s", async (place) => {
    for (const [i, one] of generated.get(place)!.entries()) {
      const model = models.get(place)![i]!;
      const testing: Any = await one.load("testing");
      for (const { name } of model.channels) {
        const message = testing.example[name]();
        expect(testing.validate[name](message), name).toBeNull();
        expect(testing.decode[name](testing.encode[name](message)), name).toEqual(message);
      }
      const guards = Object.keys(testing).filter((name) => /^is[A-Z]/.test(name));
      expect(guards.length).toBe(model.channels.length + 1);
      expect(testing.isZero.join.body(testing.exampleZero.join.body())).toBe(true);
      for (const role of ["client", "server"]) {
        expect((await one.load(`${role}-protocol`)).protocol.name).toBe(model.name);
      }
    }
  });
});
