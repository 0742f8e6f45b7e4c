/**
 * That there is room for whatever `write` writes: the fullest value of every struct takes exactly the bytes that the model
 * says are the most, and a value that says one thing to the check and another to the encoder gets no byte behind them.
 */

import { readdirSync, readFileSync } from "node:fs";
import { InvalidMessageError, Writer } from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { textOf } from "#codegen/kinds/string.js";
import type { Model, TypeModel } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { codecIn } from "#fuzz/both-sides.js";
import { goodSpecs } from "./good-specs.ts";
import { generateAll } from "./support/generate.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

const folder = new URL("../specs/", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, folder), "utf8");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
const specs = new Map<string, string>([
  ...files.filter((file) => file.endsWith(".yaml")).map((file) => [file, read(file)] as const),
  ...Object.entries(goodSpecs),
  [
    "liars",
    `stardust: 1
protocol: { name: liars }
security: plain
channels:
  data: { id: 0, delivery: reliable, message: { short: { bytes: { maxBytes: 8 } }, long: { bytes: { maxBytes: 32 } } } }
  list: { id: 1, delivery: reliable, message: { all: { list: { of: u32, max: 4 } } } }
  map: { id: 2, delivery: reliable, message: { all: { map: { key: u32, value: u32, max: 4 } } } }
`,
  ],
]);

/** Larger values prove no more, and take their time. */
const MOST_BYTES = 2 ** 18;

function modelOf(text: string): Model {
  const loaded = loadSpec(text, "spec.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list, null, 1));
  return model;
}

/** How many of the head of a cycle lie around a value. */
interface Around {
  readonly head?: string;
  readonly depth: number;
}

const outermost: Around = { depth: 0 };

/** The values of a model's types that take the most bytes. */
class Fullest {
  /** Where a map has fewer keys than it may have entries, or a recursive type is bounded by its bytes. */
  readonly capped = new Set<string>();
  readonly #model: Model;
  readonly #sizeOf: (name: string, value: unknown) => number;
  readonly #known = new Map<string, unknown>();

  constructor(model: Model, sizeOf: (name: string, value: unknown) => number) {
    this.#model = model;
    this.#sizeOf = sizeOf;
    const all = [...model.structs, ...model.unions];
    for (const { name, recursion } of all) if (recursion?.maxBytes) this.capped.add(name);
    for (let before = -1; before < this.capped.size; ) {
      before = this.capped.size;
      for (const one of all) {
        const parts = "members" in one ? one.members : one.variants;
        if (parts.some(({ type }) => this.#isCapped(type))) this.capped.add(one.name);
      }
    }
  }

  #isCapped(type: TypeModel): boolean {
    if (type.kind === "list" || type.kind === "array") return this.#isCapped(type.of);
    if (type.kind === "map") return this.#keys(type).size < type.max || this.#isCapped(type.value);
    return "name" in type && this.capped.has(type.name);
  }

  /** Undefined: none may lie there. `seed` gives another each time, where there is another. */
  of(type: TypeModel, seed: number, around: Around): unknown {
    switch (type.kind) {
      case "integer":
        return type.bytes === 8 && type.as === undefined ? BigInt(seed) : seed - lowest(type);
      case "varint":
        return type.signed ? seed - 2 ** 52 : Number.MAX_SAFE_INTEGER - seed;
      case "float":
        return 1.5;
      case "bool":
        return true;
      case "quantised":
        return Math.min(type.max, type.min + seed);
      case "enum": {
        const { values } = this.#model.enums.find((one) => one.name === type.name)!;
        return values[seed % values.length]!.name;
      }
      case "flags": {
        const { values } = this.#model.flags.find((one) => one.name === type.name)!;
        return values.reduce((sum, { value }, i) => sum + ((seed >> i) & 1) * 2 ** value, 0);
      }
      case "string":
        // Letters of one byte to four; keys of maps must differ.
        if (seed === 0) return textOf(type.maxBytes);
        return `${seed}`.padStart(type.maxBytes, "0").slice(-type.maxBytes || 99);
      case "bytes":
        return new Uint8Array(type.maxBytes).fill(0xff);
      case "list":
      case "array": {
        const inner = this.of(type.of, 0, around);
        if (inner === undefined) return type.kind === "list" ? [] : undefined;
        return new Array(type.kind === "list" ? type.max : type.length).fill(inner);
      }
      case "map": {
        const inner = this.of(type.value, 0, around);
        return new Map(inner === undefined ? [] : [...this.#keys(type)].map((key) => [key, inner]));
      }
      case "struct":
      case "union":
        return this.named(type.name, around);
    }
  }

  #keys({ key, max }: Extract<TypeModel, { kind: "map" }>): Set<unknown> {
    return new Set(Array.from({ length: max }, (_, seed) => this.of(key, seed, outermost)));
  }

  named(name: string, around: Around): unknown {
    const { structs, unions } = this.#model;
    const self = [...structs, ...unions].find((one) => one.name === name)!;
    const { recursion } = self;
    const outside = around.head === recursion?.head ? around.depth : 0;
    const place = `${name} ${outside}`;
    if (this.#known.has(place)) return this.#known.get(place);
    const isHead = recursion?.head === name;
    const inside =
      recursion === undefined
        ? outermost
        : { head: recursion.head, depth: outside + (isHead ? 1 : 0) };
    const tooDeep = isHead && outside >= recursion.maxDepth;
    const made = tooDeep ? undefined : this.#inside(self, inside);
    this.#known.set(place, made);
    return made;
  }

  #inside(self: Model["structs"][number] | Model["unions"][number], around: Around): unknown {
    if ("variants" in self) {
      const values = self.variants
        .map(({ name: kind, type }) => ({ kind, value: this.of(type, 0, around) }))
        .filter(({ value }) => value !== undefined)
        .map((value) => ({ value, size: this.#sizeOf(self.name, value) }));
      return values.sort((a, b) => b.size - a.size)[0]?.value;
    }
    const message: object = {};
    for (const { name, type, optional } of self.members) {
      const value = this.of(type, 0, around);
      if (value === undefined && !optional) return undefined;
      if (value === undefined) continue;
      Object.defineProperty(message, name, { value, enumerable: true });
    }
    return message;
  }
}

/** What is taken from numbers that start at 0, so that they do with the lowest. */
function lowest({ bytes, signed }: Extract<TypeModel, { kind: "integer" }>): number {
  return bytes === 1 && signed ? 128 : 0;
}

/** What `write` makes of a message where there is room for the largest; nothing else may be touched. */
function writeWithin(codec: Any, message: unknown): Uint8Array {
  const memory = new Uint8Array(codec.maxBytes + 5000).fill(0x77);
  try {
    return memory.slice(5, codec.write(message, new Writer(memory), 5));
  } finally {
    expect(memory.subarray(0, 5).every((byte) => byte === 0x77)).toBe(true);
    expect(memory.subarray(5 + codec.maxBytes).every((byte) => byte === 0x77)).toBe(true);
  }
}

const models = new Map<string, Model>();
const codecs = new Map<string, Any>();

beforeAll(async () => {
  for (const [name, text] of specs) models.set(name, modelOf(text));
  const all = await generateAll("room", [...models.values()], ["codecs"]);
  for (const [i, name] of [...models.keys()].entries()) {
    codecs.set(name, await all[i]!.load("codecs"));
  }
}, 120_000);

test.each([...specs.keys()])("the fullest values of %s take what the model says", (name) => {
  const model = models.get(name)!;
  const code = codecs.get(name);
  const sizeOf = (type: string, value: unknown): number =>
    code[`write${type}`]?.(value, new Writer(new Uint8Array(2 * MOST_BYTES)), 0) ?? 0;
  const fullest = new Fullest(model, sizeOf);
  let equal = 0;
  for (const { name: struct, maxBytes } of model.structs) {
    if (maxBytes > MOST_BYTES || fullest.capped.has(struct)) continue;
    const value = fullest.named(struct, outermost);
    const write = code[`write${struct}`];
    if (write === undefined) continue;
    equal++;
    expect(writeWithin({ write, maxBytes }, value).length, struct).toBe(maxBytes);
  }
  expect(equal).toBeGreaterThan(0);
});

describe("what says one thing and is another", () => {
  const codec = (channel: string): Any => codecIn(codecs.get("liars"), channel);

  /** Another answer to each question, the last again and again. */
  function answers(...all: unknown[]): () => unknown {
    let asked = 0;
    return () => all[Math.min(asked++, all.length - 1)];
  }

  function bytesThatSay(length: number, said: () => unknown): Uint8Array {
    class Liar extends Uint8Array {
      override get length(): number {
        return said() as number;
      }
      override get byteLength(): number {
        return said() as number;
      }
    }
    return new Liar(length).fill(0xee);
  }

  const said = [[4], [0], [-1], [2.5], [Number.NaN], ["4"], [4, 4000], [4, 4, 4000], [4, -4]];

  test.each(said)("bytes with a length of their own, %j", (...all) => {
    for (const length of [0, 3, 8, 20, 32]) {
      const message = (): Any => ({
        short: bytesThatSay(Math.min(length, 8), answers(...all)),
        long: bytesThatSay(length, answers(...all)),
      });
      const plain = new Uint8Array(length).fill(0xee);
      const honest = { short: plain.slice(0, 8), long: plain };
      const wanted = Buffer.from(writeWithin(codec("data"), honest)).toString("hex");
      expect(Buffer.from(writeWithin(codec("data"), message())).toString("hex")).toBe(wanted);
    }
    for (const length of [33, 4000]) {
      const long = bytesThatSay(length, answers(...all));
      const message = { short: new Uint8Array(0), long };
      expect(() => writeWithin(codec("data"), message)).toThrow(InvalidMessageError);
    }
  });

  test("bytes that are none but by their prototype", () => {
    const none = [
      Object.create(Uint8Array.prototype),
      new Proxy(new Uint8Array(4), {}),
      new Proxy(new Uint8Array(4), { get: (_, name) => (name === "length" ? 4 : 1) }),
    ];
    for (const long of none) {
      const message = { short: new Uint8Array(0), long };
      expect(() => writeWithin(codec("data"), message)).toThrow(InvalidMessageError);
    }
  });

  /** Refused with the one error, or written within the room that there is. */
  function refusedOrWithin(channel: string, message: unknown): void {
    try {
      writeWithin(codec(channel), message);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidMessageError);
    }
  }

  test.each(said)("a list with a length of its own, %j", (...all) => {
    const length = answers(...all);
    const get = (_: unknown, name: string | symbol): unknown => (name === "length" ? length() : 1);
    refusedOrWithin("list", { all: new Proxy([], { get }) });
  });

  test.each(said)("a map with a size of its own, %j", (...all) => {
    const size = answers(...all);
    class Liar extends Map<number, number> {
      override get size(): number {
        return size() as number;
      }
      override *[Symbol.iterator](): MapIterator<[number, number]> {
        for (let i = 0; i < 5000; i++) yield [i, i];
      }
    }
    refusedOrWithin("map", { all: new Liar() });
  });
});
