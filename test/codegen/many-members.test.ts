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
import { CaptureError, Cursor } from "../support/independent/bytes.ts";
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
  late:
    id: 5
    delivery: reliable
    extensible: true
    message:
${members(300, ", since: 2")}
  tree:
    id: 4
    delivery: reliable
    message:
${members(300)}      tree: Tree
`;

/** The bits of 600 optional members of these types, with their padding, are in fewer. */
const FIRST_BYTES = 128;

let generated: Generated;
let codecs: Any;
let testing: Any;
let slow: Messages;
let slowCompat: Messages;
let yaml: Map<string, Any>;
const typesOf = new Map<string, Type>();
const namesOf = new Map<string, string[]>();

beforeAll(async () => {
  const loaded = loadSpec(text, "spec.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list, null, 1));
  generated = await generate("many-members", model, []);
  codecs = await generated.load("codecs");
  testing = await generated.load("testing");
  yaml = parse(text, { mapAsMap: true }) as Map<string, Any>;
  slow = new Messages(yaml.get("types"), new Map());
  slowCompat = new Messages(yaml.get("types"), new Map(), { compat: true });
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

function readerOf(bytes: Uint8Array, compat: boolean): Reader {
  const reader = Reader.of(bytes);
  reader.compat = compat;
  return reader;
}

/** What a decoder makes of bytes: the value, or that they are refused. */
function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof MalformedError || error instanceof CaptureError) return "refused";
    throw error;
  }
}

test("no message grows while it is read: with every member that is added, that takes longer", () => {
  const decoders = generated.files.get("codecs.ts")!;
  expect(decoders).toContain("function decodePlainMessage(");
  expect(decoders).not.toMatch(/\.\.\.\w/);
});

describe.each(["optional", "plain", "mixed", "grown", "late", "tree"])(
  "any %s message",
  (channel) => {
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

    test("changed or cut anywhere is the same message to both, or refused by both", () => {
      const type = typesOf.get(channel)!;
      const codec = codecIn(codecs, channel);
      const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
      const any = testing.arbitrary[channel](fc) as fc.Arbitrary<Any>;
      fc.assert(
        fc.property(any, edits, fc.nat(), fc.boolean(), (message, changes, cut, compat) => {
          const good: Uint8Array = testing.encode[channel](message);
          const bytes = good.slice(0, cut % 3 === 0 ? cut % (good.length + 1) : good.length);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const judge = compat ? slowCompat : slow;
          expect(outcome(() => codec.decode(readerOf(bytes, compat)))).toEqual(
            outcome(() => judge.decode(type, new Cursor(bytes), channel)),
          );
        }),
        { numRuns: 20 },
      );
    });

    test("has its members in the order of the spec", () => {
      const message = testing.example[channel]();
      const back = testing.decode[channel](testing.encode[channel](message));
      expect(Object.keys(back)).toEqual(namesOf.get(channel));
    });
  },
);

test.each(["optional", "grown", "late"])(
  "any %s message with one bit of its first bytes turned is the same to both, or refused by both",
  (channel) => {
    const type = typesOf.get(channel)!;
    const codec = codecIn(codecs, channel);
    const bytes: Uint8Array = testing.encode[channel](testing.example[channel]()).slice();
    for (let bit = 0; bit < 8 * Math.min(FIRST_BYTES, bytes.length); bit++) {
      const mask = 0x80 >> (bit % 8);
      bytes[bit >> 3]! ^= mask;
      // As text: thousands of comparisons of hundreds of members.
      const read = JSON.stringify(outcome(() => codec.decode(Reader.of(bytes))));
      const documented = outcome(() => slow.decode(type, new Cursor(bytes), channel));
      expect(read, `bit ${bit}`).toBe(JSON.stringify(documented));
      bytes[bit >> 3]! ^= mask;
    }
  },
);

test("hundreds of members that an older version lacks are their defaults", () => {
  const members = yaml.get("channels").get("grown").get("message") as Map<string, Any>;
  const first = new Map([...members].filter(([, given]) => !given.has("since")));
  expect([...members.keys()].length - first.size).toBe(300);
  const older = slow.resolveMessage(first, true);
  const example = testing.example.grown();
  const bytes = Uint8Array.from(slow.encode(older, example));
  const message: Any = codecIn(codecs, "grown").decode(readerOf(bytes, true));
  expect(message).toEqual(slowCompat.decode(typesOf.get("grown")!, new Cursor(bytes), "grown"));
  for (const name of first.keys()) expect(message[name]).toEqual(example[name]);
  expect([message.m300, message.m301, message.m302]).toEqual([0, false, ""]);
});

test("a message that an older version has without any member is all defaults", () => {
  const older = slow.resolveMessage(new Map(), true);
  const bytes = Uint8Array.from(slow.encode(older, {}));
  const message: Any = codecIn(codecs, "late").decode(readerOf(bytes, true));
  expect(message).toEqual(slowCompat.decode(typesOf.get("late")!, new Cursor(bytes), "late"));
  expect([message.m0, message.m1, message.m2]).toEqual([0, false, ""]);
});
