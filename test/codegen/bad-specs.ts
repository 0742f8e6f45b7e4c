/**
 * One bad spec or more for every diagnostic. `schema` says whether protocol.schema.json, which sees structure only,
 * refuses it too; YAML that cannot be loaded has none. Each spec has exactly the one problem, but for those in `also`.
 */

import { sysSchemas } from "../support/hand-zero.ts";
import { headerCases } from "./bad-headers.ts";
import { requestCases } from "./bad-requests.ts";
import { systemCases } from "./bad-system.ts";
import { languageCases } from "./bad-types.ts";
import { body, channel, head, member, options, smallest, types, unsaid, zero } from "./specs.ts";

export interface BadSpec {
  readonly code: string;
  readonly spec: string;
  readonly schema?: "refuses" | "accepts";
  readonly suggests?: string;
  /** Part of the help. */
  readonly helps?: string;
  /** Part of the message. */
  readonly says?: string;
  readonly also?: readonly string[];
}

const deep = `${"[".repeat(70)}${"]".repeat(70)}`;
/** So many members that have no bound. */
const numbers = (count: number): string =>
  Array.from({ length: count }, (_, i) => `m${i}: u64`).join(", ");
const yaml: BadSpec[] = [
  { code: "SD1004", spec: `${head}channels: [«`, says: "not valid YAML" },
  { code: "SD1005", spec: `${smallest}«-»--\na: 1\n` },
  { code: "SD1006", spec: member("«*y»"), says: "`*y`" },
  { code: "SD1007", spec: `${smallest}«<<»: { limits: {} }\n` },
  {
    code: "SD1007",
    spec: `${head}channels:\n  a:\n    message: { x: u8 }\n    «<<»: { id: 0, delivery: reliable }\n`,
  },
  {
    code: "SD1004",
    spec: `${head}channels:\n  a:\n«\t»id: 0\n\tdelivery: reliable\n`,
    says: "Tabs",
  },
  { code: "SD1008", spec: member('!!str «"u8"»'), says: "str" },
  { code: "SD1009", spec: `${smallest}«security»: plain\n`, says: "on line 3" },
  { code: "SD1010", spec: member(deep), also: ["SD1103"] },
  { code: "SD1011", spec: `${smallest}? «[a]»\n: 1\n` },
  { code: "SD1012", spec: `«%»YAML 1.2\n---\n${smallest}` },
];

const structure: BadSpec[] = [
  {
    code: "SD1101",
    spec: `${smallest}«chanels»: {}\n`,
    schema: "refuses",
    suggests: "channels",
  },
  {
    code: "SD1101",
    spec: member("{ type: u8, «dcc»: hello }"),
    schema: "refuses",
    suggests: "doc",
  },
  {
    code: "SD1101",
    spec: member("{ list: { of: u8, «mx»: 3 } }"),
    schema: "refuses",
    suggests: "max",
  },
  { code: "SD1101", spec: member("{ type: { «u9»: {} } }"), schema: "refuses", suggests: "u8" },
  { code: "SD1101", spec: zero("«jion»: {}"), schema: "refuses", suggests: "join" },
  { code: "SD1102", spec: `«s»tardust: 1\nsecurity: plain\n${channel}`, schema: "refuses" },
  { code: "SD1112", spec: `${smallest}«cipher»: aes-256-gcm\n`, schema: "accepts" },
  {
    code: "SD1102",
    spec: smallest.replace(/^stardust: 1\n(.)/, "«$1»"),
    schema: "refuses",
    helps: "write `stardust: 1`",
  },
  {
    code: "SD1101",
    spec: member("{ string: { «maxLength»: 3 } }"),
    schema: "refuses",
    suggests: "maxBytes",
  },
  {
    code: "SD1101",
    spec: `${smallest}reserved: { «ids»: [1] }\n`,
    schema: "refuses",
    suggests: "channels",
  },
  { code: "SD1102", spec: `${head}channels:\n  a: «{» id: 0, message: {} }\n`, schema: "refuses" },
  { code: "SD1103", spec: `${head}channels: «7»\n`, schema: "refuses", says: "the number 7" },
  { code: "SD1103", spec: member("«true»"), schema: "refuses" },
  { code: "SD1103", spec: member("«list»"), schema: "refuses" },
  { code: "SD1103", spec: member("{ type: u8, doc: «7» }"), schema: "refuses" },
  { code: "SD1103", spec: member("{ type: u8, optional: «1» }"), schema: "refuses" },
  { code: "SD1104", spec: options("priority: «8»"), schema: "refuses", says: "0 to 7" },
  { code: "SD1104", spec: member("{ enum: { a: «4294967296» } }"), schema: "refuses" },
  {
    code: "SD1104",
    spec: body("{ type: string, minLength: 3, maxLength: «2» }"),
    schema: "accepts",
  },
  {
    code: "SD1105",
    spec: `stardust: «2»\nprotocol: { name: t }\nsecurity: plain\n${channel}`,
    schema: "refuses",
  },
  { code: "SD1109", spec: member('{ struct: { «""»: u8 } }'), schema: "refuses" },
  { code: "SD1109", spec: member(`{ enum: { «${"x".repeat(65)}»: 1 } }`), schema: "refuses" },
  { code: "SD1109", spec: member('{ union: { «"\\uD800"»: u8 } }'), schema: "accepts" },
  { code: "SD1106", spec: smallest.replace("test", '«"a b"»'), schema: "refuses" },
  {
    code: "SD1107",
    spec: `${head}channels:\n  «__proto__»: { id: 0, delivery: reliable, message: {} }\n`,
    schema: "refuses",
  },
  {
    code: "SD1107",
    spec: `${head}channels:\n  «then»: { id: 0, delivery: reliable, message: {} }\n`,
    schema: "refuses",
  },
  { code: "SD1303", spec: types("«uint8_Array»: u8"), schema: "accepts", says: "`Uint8Array`" },
  { code: "SD1303", spec: types("vec2: u8\n  «Vec2»: u8"), schema: "accepts", says: "type `vec2`" },
  { code: "SD1106", spec: types("«__1»: u8"), schema: "refuses" },
  {
    code: "SD1108",
    spec: smallest.replace("plain", "«plane»"),
    schema: "refuses",
    suggests: "plain",
  },
  {
    code: "SD1108",
    spec: `${smallest.replace("plain", "sealed")}cipher: «aes-256-gmc»\n`,
    schema: "refuses",
    suggests: "aes-256-gcm",
  },
  {
    code: "SD1108",
    spec: `${smallest}generate: { with: [page, «vector»] }\n`,
    schema: "refuses",
    suggests: "vectors",
  },
  {
    code: "SD1110",
    spec: `${smallest}generate: { with: [page, model, «page»] }\n`,
    schema: "refuses",
  },
  {
    code: "SD1108",
    spec: body("{ type: «strnig», maxLength: 3 }"),
    schema: "refuses",
    suggests: "string",
  },
];

const twoChannels = (id: string) =>
  `${head}channels:\n  a: { id: 0, delivery: reliable, message: {} }\n  b: { id: ${id}, delivery: reliable, message: {} }\n`;
const channels: BadSpec[] = [
  { code: "SD1201", spec: twoChannels("«16777215»"), schema: "refuses", says: "0 to 16777214" },
  { code: "SD1202", spec: twoChannels("«0»"), schema: "accepts", says: "channel `a` (line 5)" },
  {
    code: "SD1203",
    spec: options("doc: x", "«unrelaible»"),
    schema: "refuses",
    suggests: "unreliable",
    says: '"unrelaible" is not a delivery mode',
  },
  {
    code: "SD1203",
    spec: options("doc: x", "«ordered»"),
    schema: "refuses",
    helps:
      "it is one of `unreliable`, `unreliable-sequenced`, `unreliable-ordered`, `reliable`, `reliable-ordered` and `reliable-sequenced`",
  },
  { code: "SD1204", spec: options("direction: «bth»"), schema: "refuses", suggests: "both" },
  {
    code: "SD1205",
    spec: options("maxBytes: «3»", "reliable", "{ x: u32 }"),
    schema: "accepts",
    says: "4 bytes",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: unreliable, message: { x: { bytes: { maxBytes: 1133 } } } }\n`,
    schema: "accepts",
    says: "1135 bytes, a datagram holds 1134",
    helps: "`x` may take 1135 of them: bound it lower, or write `fragment: true`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: reliable, fragment: false, message: { t: u64, x: { bytes: { maxBytes: 1133 } } } }\n`,
    schema: "accepts",
    helps: "`x` may take 1135 of them: bound it lower, or leave out `fragment: false`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  a: { id: 0, delivery: unreliable, maxBytes: «2000», message: { x: u8 } }\n`,
    schema: "accepts",
    helps: "lower maxBytes, or write `fragment: true`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: unreliable, message: { ${numbers(150)} } }\n`,
    schema: "accepts",
    helps: "split it over several channels, or write `fragment: true`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: reliable, fragment: false, message: { s: string, ${numbers(150)} } }\n`,
    schema: "accepts",
    helps: "split it over several channels, or leave out `fragment: false`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: unreliable, message: { t: u8, x: { string: { maxBytes: 900 } }, y: { list: { of: u64, max: 150 } } } }\n`,
    schema: "accepts",
    helps: "`y` may take 1202 of them: bound it lower, or write `fragment: true`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: unreliable, message: { t: u8, x: { string: { maxBytes: 1200 } }, y: { map: { key: u8, value: In, max: 9 } } } }\ntypes: { In: { struct: { a: { string: { maxBytes: 200 } } } } }\n`,
    schema: "accepts",
    helps: "`y` may take 1828 of them, `x` 1202: bound them lower, or write `fragment: true`",
  },
  {
    code: "SD1206",
    spec: `${head}channels:\n  «a»: { id: 0, delivery: unreliable, fragment: false, message: { x: { list: { of: u64, max: 150 } } } }\n`,
    schema: "accepts",
    helps: "bound it lower, or make `fragment: false` true",
  },
  { code: "SD1207", spec: options("maxBytes: «600000»"), schema: "accepts", says: "creditBytes" },
  { code: "SD1208", spec: options("queueBytes: «64»"), schema: "accepts", says: "65" },
  {
    code: "SD1209",
    spec: `${smallest.replace("id: 0", "id: «0»")}reserved: { channels: [0] }\n`,
    schema: "accepts",
    says: "line 6",
  },
  { code: "SD1210", spec: `${head}«channels»: {}\n`, schema: "refuses" },
  {
    code: "SD1211",
    spec: `${options("maxBytes: «19000000»")}limits: { receiveBudgetBytes: 20000000, creditBytes: 20000000 }\n`,
    schema: "accepts",
    says: "16383 slices",
  },
  {
    code: "SD1212",
    spec: options("«maxAgeMs»: 3"),
    schema: "accepts",
    says: "`unreliable`, `unreliable-sequenced` and `unreliable-ordered`",
  },
  { code: "SD1212", spec: options("«redundancy»: 1", "unreliable"), schema: "accepts" },
  { code: "SD1212", spec: options("«maxGapMs»: 9", "unreliable-sequenced"), schema: "accepts" },
  {
    code: "SD1213",
    spec: `${head}limits: { receiveBudgetBytes: 65536 }\nchannels:\n  a: { id: 0, delivery: reliable-sequenced, maxBytes: 40000, message: {} }\n  «b»: { id: 1, delivery: reliable-sequenced, maxBytes: 40000, message: {} }\n`,
    schema: "accepts",
    says: "`a` and `b` may hold 80128 bytes",
  },
];

const nested = `${"{ list: { max: 1, of: ".repeat(14)}u8${" } }".repeat(14)}`;
const chain = Array.from({ length: 20 }, (_, i) => `T${i}: { struct: { x: T${i + 1} } }`);
const typeCases: BadSpec[] = [
  { code: "SD1301", spec: member("«u9»"), schema: "accepts", suggests: "u8" },
  {
    code: "SD1301",
    spec: `${member("«Wepon»")}types: { Weapon: u8 }\n`,
    schema: "accepts",
    suggests: "Weapon",
  },
  { code: "SD1302", spec: member("{ u8: { min: 0, max: 1 }, «bytes»: {} }"), schema: "refuses" },
  { code: "SD1302", spec: member("«{» doc: nothing }"), schema: "refuses", says: "none" },
  { code: "SD1302", spec: member("{ type: «{}» }"), schema: "refuses" },
  {
    code: "SD1303",
    spec: types("AMessage: u8").replace("message", "«message»"),
    schema: "accepts",
    says: "AMessage",
  },
  {
    code: "SD1303",
    spec: member("{ «enum»: { b: 0 } }").replace("  a:", "  uint8:").replace("x:", "array:"),
    schema: "accepts",
  },
  {
    code: "SD1303",
    spec: member("u8").replace(
      "x: u8",
      "a_b: { struct: { x: u8 } }\n      aB: { «struct»: { x: u8 } }",
    ),
    schema: "accepts",
    says: "a struct written in place at `a.aB` would be called `AAB` in TypeScript, but so is a struct written in place at `a.a_b` (line 9)",
  },
  {
    code: "SD1303",
    spec: member("{ struct: { baz: { enum: { b: 0 } } } }")
      .replace(
        "x: {",
        "foo: { union: { barBaz: { tag: 0, type: { struct: { z: u8 } } } } }\n      fooBar: {",
      )
      .replace("«", "")
      .replace("{ enum", "{ «enum»"),
    schema: "accepts",
    says: "an enum written in place at `a.fooBar.baz` would be called `AFooBarBaz` in TypeScript, but so is a struct written in place at `a.foo.barBaz` (line 9)",
  },
  { code: "SD1304", spec: types("«u8»: u16"), schema: "refuses" },
  { code: "SD1305", spec: member("{ u8: { min: 5, max: «5» } }"), schema: "accepts" },
  {
    code: "SD1306",
    spec: member("{ «u8»: { min: 0, max: 256 } }").replace(
      "«u8»: { min: 0, max: 256 }",
      "u8: «{ min: 0, max: 256 }»",
    ),
    schema: "accepts",
    says: "0 to 255",
  },
  {
    code: "SD1307",
    spec: member("{ f32: { min: 0, max: 1, step: «0.3» } }"),
    schema: "accepts",
    says: "not a whole number",
  },
  {
    code: "SD1307",
    spec: member("{ f32: { min: 0, max: 1, step: «0» } }"),
    schema: "refuses",
    says: "above 0",
  },
  {
    code: "SD1308",
    spec: member("{ f32: «{» min: 0, max: 1 } }"),
    schema: "refuses",
    says: "neither",
  },
  {
    code: "SD1308",
    spec: member("{ f32: «{» min: 0, max: 1, bits: 2, step: 0.5 } }"),
    schema: "refuses",
    says: "both",
  },
  { code: "SD1309", spec: member("{ enum: { a: 1, b: «1» } }"), schema: "accepts", says: "`a`" },
  { code: "SD1310", spec: member("{ «enum»: {} }"), schema: "refuses" },
  { code: "SD1309", spec: member("{ flags: { a: 1, b: «1» } }"), schema: "accepts", says: "`a`" },
  { code: "SD1310", spec: member("{ «flags»: {} }"), schema: "refuses", says: "bit" },
  { code: "SD1104", spec: member("{ flags: { a: «31» } }"), schema: "refuses", says: "30" },
  { code: "SD1311", spec: types("A: B\n  B: «A»"), schema: "accepts", says: "`A` -> `B` -> `A`" },
  { code: "SD1312", spec: member("{ list: { of: { «struct»: {} } } }"), schema: "accepts" },
  {
    code: "SD1313",
    spec: types(`${chain.join("\n  ")}\n  T20: ${nested}`).replace("u8 }", "u16 }"),
    schema: "accepts",
  },
  {
    code: "SD1313",
    spec: types(
      [
        ...Array.from(
          { length: 40 },
          (_, i) => `S${i}: { struct: { x: ${i === 0 ? "u8" : `S${i - 1}`} } }`,
        ),
      ].join("\n  "),
    ),
    schema: "accepts",
  },
  {
    code: "SD1314",
    spec: types("Big: { «list»: { max: 1048576, of: { bytes: { maxBytes: 1024 } } } }"),
    schema: "accepts",
  },
  {
    code: "SD1315",
    spec: options("doc: x", "reliable", "«u8»").replace("\n    doc: x", ""),
    schema: "accepts",
    helps: "`message: { value: u8 }`",
  },
  {
    code: "SD1315",
    spec: options("doc: x", "reliable", "«N»\ntypes: { N: u8 }").replace("\n    doc: x", ""),
    schema: "accepts",
  },
];

const joinSys = (hash: string, more = "") =>
  `join: { sys: { type: object, required: [version, hash${more}], properties: { version: { type: integer, minimum: 0, maximum: 4294967295 }, hash: ${hash}, compatible: { type: array, maxItems: 8, items: { type: string, minLength: 32, maxLength: 32 } }, cookie: { type: string, minLength: 22, maxLength: 64 }, token: { type: string, minLength: 1, maxLength: 1024 }, stay: { type: boolean }, pieces: { type: integer, minimum: 1, maximum: 64 }, bytes: { type: integer, minimum: 1, maximum: 8192 }, digest: { type: string, minLength: 43, maxLength: 43 }, piece: { type: integer, minimum: 1, maximum: 64 }, data: { type: string, minLength: 2, maxLength: 1500 } } } }`;
const goodHash = "{ type: string, minLength: 32, maxLength: 32 }";
const zeros: BadSpec[] = [
  { code: "SD1501", spec: body("{ type: string, maxLength: 9, «pattern»: x }"), schema: "refuses" },
  {
    code: "SD1501",
    spec: body("{ type: string, «maxLenght»: 9, maxLength: 9 }"),
    schema: "refuses",
    suggests: "maxLength",
  },
  { code: "SD1501", spec: body("{ type: boolean, «$ref»: x }"), schema: "refuses" },
  { code: "SD1501", spec: body("{ type: string, enum: [a], «format»: ascii }"), schema: "accepts" },
  {
    code: "SD1108",
    spec: body("{ type: string, maxLength: 9, format: «asci» }"),
    schema: "refuses",
  },
  { code: "SD1502", spec: body("«{» type: string }"), schema: "refuses", says: "maxLength" },
  {
    code: "SD1502",
    spec: body("«{» type: array, items: { type: boolean } }"),
    schema: "refuses",
    says: "maxItems",
  },
  { code: "SD1502", spec: body("«{» maxLength: 3 }"), schema: "refuses", says: "type" },
  { code: "SD1503", spec: zero("join: { from: «server» }"), schema: "accepts" },
  {
    code: "SD1504",
    spec: zero("attached: { sys: «{» type: object } }"),
    schema: "accepts",
    says: "`nonce`",
  },
  {
    code: "SD1505",
    spec: zero(joinSys("«{ type: string, minLength: 32, maxLength: 33 }»")),
    schema: "accepts",
    says: "`hash`",
  },
  {
    code: "SD1506",
    spec: body("{ type: string, maxLength: 2000 }").replace("join", "«join»"),
    schema: "accepts",
    says: "in pieces its body may take",
  },
  {
    code: "SD1507",
    spec: body(
      "{ type: array, maxItems: 1, items: { type: array, maxItems: 1, items: { type: array, maxItems: 1, items: { type: array, maxItems: 1, items: { type: array, maxItems: 1, items: { type: boolean } } } } } }",
    ).replace("join", "«join»"),
    schema: "accepts",
    says: "7 levels",
  },
  {
    code: "SD1508",
    spec: zero(joinSys(goodHash, ", cookie")).replace(
      "[version, hash, cookie]",
      "«[version, hash, cookie]»",
    ),
    schema: "accepts",
  },
  {
    code: "SD1509",
    spec: zero(
      "join: { body: { type: object, required: [«nam»], properties: { name: { type: boolean } } } }",
    ),
    schema: "accepts",
    suggests: "name",
  },
  {
    code: "SD1510",
    spec: zero("join: { body: { type: object, «additionalProperties»: true } }"),
    schema: "refuses",
  },
  { code: "SD1511", spec: body("{ type: string, enum: [a, «1»] }"), schema: "refuses" },
  {
    code: "SD1513",
    spec: zero(
      joinSys(goodHash).replace(
        "cookie:",
        "key: «{ type: string, minLength: 43, maxLength: 43 }», cookie:",
      ),
    ),
    schema: "accepts",
    says: "`key`",
  },
  {
    code: "SD1513",
    spec: unsaid(zero(`accept: { sys: ${JSON.stringify(sysSchemas("plain")["accept"])} }`)),
    schema: "accepts",
    also: ["SD1504", "SD1508"],
    says: "`ticket`",
    helps: "write `security: plain`",
  },
  {
    code: "SD1514",
    spec: body("{ type: string, maxLength: 32, «secret»: true }"),
    schema: "accepts",
    says: "`x`",
    helps: "leave out `security: plain`",
  },
  {
    code: "SD1515",
    spec: zero(
      "accept: { body: { type: object, properties: { a: { type: boolean, «secret»: true } } } }",
    ),
    schema: "accepts",
    says: "`a`",
  },
  {
    code: "SD1515",
    spec: zero(
      "join: { body: { type: object, properties: { a: { type: object, properties: { b: { type: boolean, «secret»: true } } } } } }",
    ),
    schema: "accepts",
    says: "`b`",
  },
  {
    code: "SD1103",
    spec: unsaid(
      zero("join: { body: { type: object, properties: { a: { type: boolean, secret: «yes» } } } }"),
    ),
    schema: "refuses",
    says: "true or false",
  },
  {
    code: "SD1512",
    spec: zero(
      "processing: { sys: { type: object, properties: { pieces: { type: integer, minimum: 0, maximum: 64 } }, «additionalProperties»: false } }",
    ),
    schema: "refuses",
  },
];

const limits: BadSpec[] = [
  {
    code: "SD1601",
    spec: `${smallest}limits: { keepAliveMs: «20000» }\n`,
    schema: "accepts",
    says: "idleTimeoutMs (10000)",
    helps: "`idleTimeoutMs` has its default: give it too, above `keepAliveMs`",
  },
  {
    code: "SD1601",
    spec: `${smallest}limits: { handshakeTimeoutMs: «4000» }\n`,
    schema: "accepts",
    helps: "`authenticateTimeoutMs` has its default: give it too, below `handshakeTimeoutMs`",
  },
  {
    code: "SD1601",
    spec: `${smallest}limits: { maxPathDatagramBytes: «1200» }\n`,
    schema: "accepts",
    says: "maxDatagramBytes (1200)",
    helps: "`maxDatagramBytes` has its default: give it too, below `maxPathDatagramBytes`",
  },
];

const missing: BadSpec[] = [
  { code: "SD1919", spec: zero("«leaderboard»: {}"), schema: "refuses" },
  {
    code: "SD1920",
    spec: zero("close: { body: { type: object, properties: { «x»: { type: boolean } } } }"),
    schema: "refuses",
  },
];

export const badSpecs: readonly BadSpec[] = [
  ...yaml,
  ...structure,
  ...channels,
  ...typeCases,
  ...languageCases,
  ...requestCases,
  ...systemCases,
  ...headerCases,
  ...zeros,
  ...limits,
  ...missing,
];

/** Diagnostics about the file itself, which no text can have; tested by themselves. */
export const fileCodes: readonly string[] = ["SD1001", "SD1002", "SD1003"];
