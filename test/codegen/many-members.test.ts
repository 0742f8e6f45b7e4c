/**
 * Messages with hundreds of members: what TypeScript follows through one function is shared out among several, and a
 * slow interpreter of the YAML says the same of the bytes as the code that comes of it.
 */
import fc from "fast-check";
import { encodeOnce, InvalidMessageError, MalformedError, Reader } from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { codecIn } from "#fuzz/both-sides.js";
import { Cursor } from "../support/independent/bytes.ts";
import { Messages, type Type } from "../support/independent/messages.ts";
import { type Generated, generate, typeProblems, typeScriptOf } from "./support/generate.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

const types = [
  "u8",
  "bool",
  "{ string: { maxBytes: 5 } }",
  "{ list: { of: bool, max: 3 } }",
  "f32",
  "Way",
];

/** `count` members of all kinds, by turns. */
function members(count: number, more = ""): string {
  return Array.from({ length: count }, (_, i) => {
    return `      m${i}: { type: ${types[i % types.length]}${more} }\n`;
  }).join("");
}

const plain = (count: number, type: string): string =>
  Array.from({ length: count }, (_, i) => `      m${i}: ${type}\n`).join("");

const text = `stardust: 1
protocol: { name: many, version: 2 }
security: plain
types:
  Way: { enum: { north: 0, east: 1, south: 2 } }
  Tree:
    maxDepth: 3
    struct:
${members(150)}      kids: { list: { of: Tree, max: 2 } }
channels:
  optional:
    id: 0
    delivery: reliable
    message:
${members(600, ", optional: true")}
  plain:
    id: 1
    delivery: reliable
    message:
${plain(800, "u16")}
  mixed:
    id: 2
    delivery: reliable
    message:
${members(300)}${members(600, ", optional: true").split("\n").slice(300).join("\n")}
  grown:
    id: 3
    delivery: reliable
    extensible: true
    message:
${members(300)}${members(600, ", since: 2").split("\n").slice(300).join("\n")}
  tree:
    id: 4
    delivery: reliable
    message:
${members(300)}      tree: Tree
`;

let generated: Generated;
let codecs: Any;
let testing: Any;
let slow: Messages;
const typesOf = new Map<string, Type>();
const namesOf = new Map<string, string[]>();

beforeAll(async () => {
  const loaded = loadSpec(text, "spec.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list, null, 1));
  generated = await generate("many-members", model, []);
  codecs = await generated.load("codecs");
  testing = await generated.load("testing");
  const yaml = parse(text, { mapAsMap: true }) as Map<string, Any>;
  slow = new Messages(yaml.get("types"), new Map());
  for (const [name, channel] of yaml.get("channels")) {
    typesOf.set(
      name,
      slow.resolveMessage(channel.get("message"), channel.get("extensible") === true),
    );
    namesOf.set(name, [...channel.get("message").keys()]);
  }
}, 120_000);

test("they compile under the strictest flags", () => {
  expect(typeProblems(typeScriptOf([generated]))).toEqual([]);
}, 120_000);

describe.each(["optional", "plain", "mixed", "grown", "tree"])("any %s message", (channel) => {
  test("is the bytes that the interpreter writes, and comes back from both", () => {
    const type = typesOf.get(channel)!;
    const codec = codecIn(codecs, channel);
    fc.assert(
      fc.property(testing.arbitrary[channel](fc) as fc.Arbitrary<Any>, (message) => {
        const bytes = encodeOnce(codec, message).slice();
        expect(bytes).toEqual(Uint8Array.from(slow.encode(type, message)));
        expect(codec.decode(Reader.of(bytes))).toEqual(message);
        expect(slow.decode(type, new Cursor(bytes), channel)).toEqual(message);
      }),
      { numRuns: 10 },
    );
  });

  test("is refused by the name of the member that is wrong, wherever that stands", () => {
    const message = testing.example[channel]();
    expect(testing.validate[channel](message)).toBeNull();
    for (const name of ["m0", "m63", "m64", "m250", "m299"]) {
      expect(testing.validate[channel]({ ...message, [name]: null })?.path).toBe(name);
      expect(() => testing.encode[channel]({ ...message, [name]: null })).toThrow(
        InvalidMessageError,
      );
    }
  });

  test("cut short is refused", () => {
    const bytes: Uint8Array = testing.encode[channel](testing.example[channel]());
    for (const length of [0, 1, bytes.length >> 1, bytes.length - 1]) {
      expect(() => testing.decode[channel](bytes.slice(0, length))).toThrow(MalformedError);
    }
  });

  test("has its members in the order of the spec", () => {
    const message = testing.example[channel]();
    const back = testing.decode[channel](testing.encode[channel](message));
    expect(Object.keys(back)).toEqual(namesOf.get(channel));
  });
});
