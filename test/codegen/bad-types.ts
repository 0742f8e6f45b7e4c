/** Bad specs for what the type language has beyond numbers, lists and structs: one or more for each diagnostic. */
import type { BadSpec } from "./bad-specs.ts";
import { member, options, types } from "./specs.ts";

const tree = "children: { list: { of: Tree, max: 2 } }";
const grown = (members: string) => options("extensible: true", "reliable", members);
/** What other languages call a type, and what a spec calls it. */
const elsewhere: readonly (readonly [name: string, type: string])[] = [
  ..."float single Float float32".split(" ").map((name) => [name, "f32"] as const),
  ..."double number float64".split(" ").map((name) => [name, "f64"] as const),
  ..."int integer Int32".split(" ").map((name) => [name, "i32"] as const),
  ..."str text String".split(" ").map((name) => [name, "string"] as const),
  ["uint", "u32"],
  ["byte", "u8"],
  ["char", "u8"],
  ...[8, 16, 32, 64].map((bits) => [`uint${bits}`, `u${bits}`] as const),
  ...[8, 16, 32, 64].map((bits) => [`int${bits}`, `i${bits}`] as const),
  ["boolean", "bool"],
  ["Uint8Array", "bytes"],
  ["Date", "varint"],
  ["timestamp", "varint"],
  ["half", "f16"],
];
const synonymCases = elsewhere.map(
  ([name, suggests]): BadSpec => ({
    code: "SD1301",
    spec: member(`«${name}»`),
    schema: "accepts",
    suggests,
  }),
);

export const languageCases: readonly BadSpec[] = [
  ...synonymCases,
  {
    code: "SD1301",
    spec: member("«object»"),
    schema: "accepts",
    suggests: "struct",
    helps: "it is written `{ struct: {",
  },
  {
    code: "SD1301",
    spec: member("«Vec3»"),
    schema: "accepts",
    helps: "`Vec3: { struct: { x: f32, y: f32, z: f32 } }`",
  },
  {
    code: "SD1301",
    spec: `${member("«leaderboard»")}types: { Rank: u8 }\n`,
    schema: "accepts",
    helps:
      "built in are u8, u16, u24, u32, u64, i8, i16, i24, i32, i64, varint, svarint, f16, f32, f64, bool",
  },
  {
    code: "SD1301",
    spec: member('«"u32[]"»'),
    schema: "accepts",
    helps: "it is written `{ list: { of: u32, max: 16 } }`",
  },
  {
    code: "SD1301",
    spec: member('«"u8[4]"»'),
    schema: "accepts",
    helps: "`{ array: { of: u8, length: 4 } }`",
  },
  {
    code: "SD1301",
    spec: member('«"Array<Unit>"»'),
    schema: "accepts",
    helps: "`{ list: { of: Unit, max: 16 } }`",
  },
  {
    code: "SD1301",
    spec: member('«"map<u16, string>"»'),
    schema: "accepts",
    helps: "`{ map: { key: u16, value: string, max: 16 } }`",
  },
  {
    code: "SD1301",
    spec: member('«"u32?"»'),
    schema: "accepts",
    helps: "`{ type: u32, optional: true }`",
  },
  {
    code: "SD1103",
    spec: member("{ list: «u32» }"),
    schema: "refuses",
    helps: "it is written `{ list: { of: u32, max: 16 } }`",
  },
  {
    code: "SD1103",
    spec: member("{ u32«,» doc: x }"),
    schema: "refuses",
    helps: "write `type: u32`",
  },
  {
    code: "SD1111",
    spec: member("u32").replace("x:", "«x?»:"),
    schema: "accepts",
    helps: "write `x: { type: u32, optional: true }`",
  },
  {
    code: "SD1111",
    spec: member("{ list: { of: u8 } }").replace("x:", "«x?»:"),
    schema: "accepts",
    helps: "write `x: { …, optional: true }`",
  },
  // What the spec has itself comes first.
  {
    code: "SD1301",
    spec: `${member("«timestamp»")}types: { Timestamp: u8 }\n`,
    schema: "accepts",
    suggests: "Timestamp",
  },
  {
    code: "SD1101",
    spec: member("{ list: { of: { «float»: { min: 0, max: 1, bits: 8 } } } }"),
    schema: "refuses",
    suggests: "f32",
  },
  { code: "SD1103", spec: member("«enum»"), schema: "refuses", helps: "{ enum: { a: 0, b: 1 } }" },
  {
    code: "SD1102",
    spec: member("{ array: «{» of: u8 } }"),
    schema: "refuses",
    says: "`length`",
  },
  { code: "SD1103", spec: member("{ map: «[]» }"), schema: "refuses" },
  { code: "SD1108", spec: member("{ u64: { as: «string» } }"), schema: "refuses" },
  {
    code: "SD1312",
    spec: member("{ array: { of: { «struct»: {} }, length: 9 } }"),
    schema: "accepts",
    says: "an element of an array",
  },
  {
    code: "SD1316",
    spec: types(`«Tree»: { struct: { ${tree} } }`),
    schema: "accepts",
    says: "`Tree` -> `Tree`",
  },
  {
    code: "SD1316",
    spec: types(
      "A: { maxDepth: 4, struct: { b: { type: B, optional: true } } }\n  «B»: { struct: { a: { list: { of: A } }, b: { list: { of: B } } } }",
    ),
    schema: "accepts",
    says: "`B` -> `B`",
  },
  { code: "SD1317", spec: types("A: { «maxDepth»: 4, struct: { x: u8 } }"), schema: "accepts" },
  {
    code: "SD1317",
    spec: types("A: { «maxBytes»: 4, u8: { min: 0, max: 3 } }"),
    schema: "accepts",
  },
  {
    code: "SD1317",
    spec: types(`Tree: { maxDepth: 3, «maxBytes»: 3, struct: { x: u32, ${tree} } }`),
    schema: "accepts",
    says: "the smallest value takes 5 bytes",
  },
  {
    code: "SD1317",
    spec: types(
      "A: { maxDepth: 4, struct: { b: { list: { of: B } } } }\n  B: { «maxDepth»: 3, struct: { a: A } }",
    ),
    schema: "accepts",
    says: "counts this cycle already",
  },
  {
    code: "SD1104",
    spec: types(`Tree: { maxDepth: «65», struct: { ${tree} } }`),
    schema: "refuses",
    also: ["SD1316"],
  },
  {
    code: "SD1314",
    spec: types("Tree: { maxDepth: 20, struct: { children: { «list»: { of: Tree, max: 16 } } } }"),
    schema: "accepts",
  },
  {
    code: "SD1318",
    spec: member("{ f64: «{» min: 4503599627370496, max: 4503599627370497, bits: 8 } }"),
    schema: "accepts",
  },
  { code: "SD1319", spec: member("{ type: u8, «extensible»: true }"), schema: "accepts" },
  {
    code: "SD1319",
    spec: options("«extensible»: true", "reliable", "N\ntypes: { N: { struct: {} } }").replace(
      /(\ntypes: .*)(\n {4}«.*)\n/,
      "$2$1\n",
    ),
    schema: "accepts",
  },
  { code: "SD1320", spec: member("{ type: u8, «since»: 1 }"), schema: "accepts", says: "may grow" },
  {
    code: "SD1320",
    spec: grown("{ x: { type: u8, «since»: 2 } }"),
    schema: "accepts",
    says: "the protocol is at version 1",
  },
  {
    code: "SD1320",
    spec: grown("{ x: { type: u8, since: 1 }, «y»: u8 }"),
    schema: "accepts",
    says: "missing",
  },
  {
    code: "SD1320",
    spec: grown("{ x: { type: u8, since: 2 }, y: { type: u8, «since»: 1 } }").replace(
      "name: test",
      "name: test, version: 2",
    ),
    schema: "accepts",
    says: "behind members of version 2",
  },
  { code: "SD1321", spec: grown("{ x: { type: u8, default: «2» } }"), schema: "accepts" },
  {
    code: "SD1321",
    spec: grown("{ x: { type: u8, since: 1, default: «256» } }"),
    schema: "accepts",
    says: "from 0 to 255",
  },
  {
    code: "SD1321",
    spec: grown("{ x: { type: u8, since: 1, optional: true, default: «1» } }"),
    schema: "accepts",
    says: "optional",
  },
  {
    code: "SD1321",
    spec: grown("{ x: { enum: { a: 1 }, since: 1, default: «b» } }"),
    schema: "accepts",
    says: "one of a",
  },
  {
    code: "SD1321",
    spec: grown("{ x: { flags: { a: 1, b: 2 }, since: 1, default: «a | c» } }"),
    schema: "accepts",
    says: "flags such as a | b",
  },
  {
    code: "SD1321",
    spec: grown("{ x: { flags: { a: 1 }, since: 1, default: «2» } }"),
    schema: "accepts",
    says: "flags such as a",
  },
  {
    code: "SD1321",
    spec: grown("{ x: { list: { of: u8 }, since: 1, default: «1» } }"),
    schema: "accepts",
    says: "begins empty",
  },
  {
    code: "SD1322",
    spec: member("{ union: { a: { type: u8, tag: 1 }, «b»: { type: u8, tag: 1 } } }"),
    schema: "accepts",
    says: "`a`",
  },
  {
    code: "SD1322",
    spec: member("{ «union»: { a: { type: u8, tag: 1 }, b: u8 } }"),
    schema: "accepts",
    says: "1 of 2",
  },
  { code: "SD1323", spec: member("{ «union»: {} }"), schema: "refuses" },
  { code: "SD1324", spec: member("{ map: { key: «bool», value: u8 } }"), schema: "accepts" },
  {
    code: "SD1324",
    spec: member("{ map: { key: { «f32»: { min: 0, max: 1, bits: 3 } }, value: u8 } }"),
    schema: "accepts",
    says: "quantised",
  },
  {
    code: "SD1325",
    spec: types("«Tree»: { maxDepth: 3, struct: { left: Tree } }"),
    schema: "accepts",
  },
  {
    code: "SD1326",
    spec: member("{ f32: { min: 0, max: 1, bits: 8, «nan»: true } }"),
    schema: "refuses",
  },
  {
    code: "SD1326",
    spec: member("{ f64: { «nan»: false, min: 0, max: 1, step: 0.1 } }"),
    schema: "refuses",
  },
  { code: "SD1101", spec: member("{ f16: { nan: true, «min»: 0 } }"), schema: "refuses" },
  { code: "SD1103", spec: member("{ f32: { nan: «1» } }"), schema: "refuses" },
  { code: "SD1102", spec: member("{ f16: «{»} }"), schema: "refuses", says: "`nan`" },
  {
    code: "SD1321",
    spec: grown("{ x: { f32: { nan: true }, since: 1, default: «nan» } }"),
    schema: "accepts",
    says: "or NaN",
  },
  {
    code: "SD1321",
    spec: grown("{ x: { type: f32, since: 1, default: «NaN» } }"),
    schema: "accepts",
    says: "a number that 32 bits can hold",
  },
];
