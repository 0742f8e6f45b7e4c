/** Specs without a fault, for everything that the language has. */
import { readFileSync } from "node:fs";
import { sysSchemas, zeroYaml } from "../support/hand-zero.ts";
import {
  body,
  head,
  header,
  member,
  options,
  sealed,
  smallest,
  types,
  unsaid,
  zero,
} from "./specs.ts";

const root = new URL("../../", import.meta.url);
const layout = `${smallest}header:\n${readFileSync(new URL("codegen/model/header.yaml", root), "utf8").replace(/^/gm, "  ")}`;
const plainSys = sysSchemas("plain");
const defaults = Object.entries(zeroYaml.messages).map(([name, message]) => [
  name,
  { ...message, sys: plainSys[name] },
]);

export const goodSpecs: Readonly<Record<string, string>> = {
  "the arena": readFileSync(new URL("protocol.yaml", root), "utf8"),
  "the smallest spec": smallest,
  "the smallest sealed spec": sealed(smallest),
  "a spec that says no security": unsaid(smallest),
  "a cipher where none is said": `${unsaid(smallest)}cipher: chacha20-poly1305\n`,
  "another cipher": `${sealed(smallest)}cipher: chacha20-poly1305\n`,
  "the default header, written out": layout,
  "the default zero messages, written out": `${smallest}zero: ${JSON.stringify(Object.fromEntries(defaults))}\n`,
  "every scalar": member(
    `{ struct: { ${"u8 u16 u32 u64 i8 i16 i32 i64 varint svarint f16 f32 f64 bool string bytes"
      .split(" ")
      .map((name, i) => `m${i}: ${name}`)
      .join(", ")} } }`,
  ),
  "every form": member(
    "{ struct: { a: { f32: { min: 0, max: 1, bits: 32 } }, b: { f64: { min: -1, max: 1, step: 0.1 } }, c: { i8: { min: -128, max: 127 } }, d: { varint: { signed: true } }, e: { string: { maxBytes: 3 } }, f: { bytes: {} }, g: { list: { of: { list: { of: bool, max: 2 } } } }, h: { enum: { x: 0, y: { value: 7, doc: seven } } }, i: { type: { struct: { z: u8 } }, optional: true }, j: { u64: {} } } }",
  ),
  "every form that holds types": member(
    "{ struct: { a: { array: { of: f16, length: 3 } }, b: { map: { key: string, value: { list: { of: u8 } }, max: 3 } }, c: { union: { x: u8, y: { type: { struct: {} }, doc: d } } }, d: { union: { x: { type: u8, tag: 7 }, y: { bytes: {}, tag: 300 } }, optional: true }, e: { u64: { as: number } }, f: { i64: { as: bigint } }, g: { map: { key: { i8: { min: -3, max: 3 } }, value: bool } } } }",
  ),
  "recursion, straight and around": types(
    "Tree: { maxDepth: 4, struct: { x: u8, children: { list: { of: Tree, max: 4 } } } }\n  Json: { maxDepth: 64, maxBytes: 2000, union: { none: { struct: {} }, list: { list: { of: Json } }, object: { map: { key: string, value: Json } }, pair: Pair } }\n  Pair: { struct: { a: Json, b: Jsons } }\n  Jsons: { list: { of: Json } }",
  ),
  "a message that grew": options(
    "extensible: true",
    "reliable",
    "{ a: u8, b: { type: bool, since: 2, default: true }, c: { string: {}, since: 2, default: x }, d: { u64: {}, since: 4, default: '18446744073709551615' }, e: { type: { struct: { f: u8 } }, since: 4, extensible: false }, g: { struct: { h: f32 }, extensible: true, since: 4 } }",
  ).replace("name: test", "name: test, version: 4"),
  "any names":
    `${head}channels:\n  "🚀 */ \\"go\\" #1": { id: 0, delivery: reliable, message: { __proto__: u8, constructor: { enum: { __proto__: 0, "": 1 } }, "}": { union: { toString: u8 } } } }\n  _: { id: 1, delivery: reliable, message: {} }\n`.replace(
      '"": 1',
      '" ": 1',
    ),
  "documentation everywhere": member(
    "{ type: u8, doc: '*/ \"`$ {x}` <script>', why: because, unit: m, deprecated: { since: 2, replacedBy: y, reason: old } }",
  ),
  "aliases and a named message": options("doc: x", "reliable", "Pair").concat(
    "types:\n  Seconds: f32\n  Angle: { doc: d, f32: { min: 0, max: 7, bits: 8 } }\n  Pair: { struct: { a: Seconds, b: Angle, c: Again } }\n  Again: Angle\n",
  ),
  "a long chain of aliases": member("T0").concat(
    `types:\n${Array.from({ length: 60 }, (_, i) => `  T${i}: T${i + 1}\n`).join("")}  T60: u8\n`,
  ),
  "an empty message": options("doc: x", "unreliable", "{}"),
  "every channel option": options(
    "{ }".replace("{ }", "priority: 7") +
      "\n    weight: 1000\n    fragment: false\n    maxBytes: 9\n    queueBytes: 100\n    direction: client-to-server",
  ),
  "a reserved id": `${smallest}reserved: { channels: [7] }\n`,
  "names of every style": options(
    "doc: x",
    "reliable",
    "{ _a: vec_2, class: { enum: { default: 0, then: 1 } }, _1: { struct: { new: u8 } } }",
  )
    .replace("  a:", "  _snake_case2:")
    .concat("types:\n  vec_2: { struct: { x: u8, X: u8 } }\n  interface: { enum: { a: 0 } }\n"),
  "types that nobody uses": types("Unused: { enum: { a: 4294967295 } }"),
  "a header with fields of the user's own": header(
    ["  sealed:", "  sealed:\n    - { name: tick, type: u32, when: [busy] }"],
    [
      "    - { name: high",
      "    - { name: busy, bits: 1 }\n    - { name: load, bits: 7 }\n    - { name: high",
    ],
  ),
  "a header without a wide form": header(
    ["    - { name: high, type: u16, role: packet-number-high, when: [wide] }\n", ""],
    ["name: wide, bits: 1, role: wide", "name: spare, bits: 1, role: reserved"],
    ["type: u16, role: packet-number }", "type: u24, role: packet-number }"],
    ["type: u16, role: ack-largest", "type: u32, role: ack-largest"],
    ["type: u16, role: message-number", "type: u32, role: message-number"],
  ),
  "a header without a key phase": header([
    "name: keyPhase, bits: 1, role: key-phase",
    "name: spare, bits: 1, role: reserved",
  ]),
  "bodies of every kind": body(
    "{ type: object, description: d, required: [s], additionalProperties: false, properties: { s: { type: string, minLength: 1, maxLength: 4 }, i: { type: integer, minimum: -5, maximum: 5 }, n: { type: number }, b: { type: boolean }, z: { type: 'null' }, a: { type: array, maxItems: 3, items: { type: integer, minimum: 0, maximum: 9 } }, e: { type: string, enum: [red, green] }, c: { type: integer, const: 3 }, f: { type: string, maxLength: 99, format: base64 } } }",
  ),
  "an optional member in sys": zero(
    "processing: { sys: { type: object, properties: { pieces: { type: integer, minimum: 0, maximum: 64 }, hint: { type: string, maxLength: 8 } } } }",
  ),
};
