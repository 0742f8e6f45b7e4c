/**
 * Bytes by hand for each type of the language beyond integers, lists and structs, at their bounds; what is refused, with
 * its path and byte; and messages between versions of a spec.
 */
import { fromHalf, InvalidMessageError, MalformedError, Reader, toHalf } from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { Half } from "../support/independent/half.ts";
import { generate } from "./support/generate.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

const spec = (version: number, shield: string) => `stardust: 1
protocol: { name: t, version: ${version} }
security: plain
types:
  Weapon: { enum: { bow: 0, axe: 2 } }
  Choice: { union: { none: { struct: {} }, count: u16, weapon: Weapon, texts: { list: { of: string } } } }
  Tagged: { union: { far: { type: u8, tag: 300 }, near: { type: bool, tag: 5 } } }
  Tree: { maxDepth: 3, struct: { n: u8, children: { list: { of: Tree, max: 2 } } } }
  Small: { maxDepth: 64, maxBytes: 6, struct: { next: { type: Small, optional: true }, other: { type: Small, optional: true } } }
  Inner: { extensible: true, struct: { a: u8${shield} } }
  List: { struct: { all: { list: { of: Inner, max: 9 } } } }
  Keys: { flags: { jump: 0, fire: { value: 2, doc: The trigger. }, crouch: 3 } }
  Wide: { flags: { low: 0, top: 30 } }
channels:
  half: { id: 0, delivery: reliable, message: { x: f16 } }
  array: { id: 1, delivery: reliable, message: { a: { array: { of: u16, length: 2 } }, b: { array: { of: bool, length: 2 } }, c: { array: { of: string, length: 1 } } } }
  map: { id: 2, delivery: reliable, message: { m: { map: { key: string, value: u8, max: 3 } }, w: { map: { key: Weapon, value: bool, max: 2 } } } }
  pick: { id: 3, delivery: reliable, message: { p: Choice, t: { type: Tagged, optional: true } } }
  tree: { id: 4, delivery: reliable, message: { t: Tree } }
  small: { id: 5, delivery: reliable, message: { s: Small } }
  wide: { id: 6, delivery: reliable, message: { u: { u64: { as: number } }, i: { i64: { as: number } } } }
  inner: { id: 7, delivery: reliable, message: { i: Inner, after: u8 } }
  list: { id: 8, delivery: reliable, message: List }
  unknown: { id: 10, delivery: reliable, message: { h: { f16: { nan: true } }, s: { f32: { nan: true } }, d: { f64: { nan: true } } } }
  keys: { id: 11, delivery: reliable, message: { on: bool, k: Keys, l: { list: { of: Keys, max: 3 } }, w: { type: Wide, optional: true } } }
  top: { id: 9, delivery: reliable, extensible: true, message: { a: u8${shield} } }
`;
const later = ", b: { type: bool, since: 2, default: true }, c: { type: u8, since: 2 }";
const latest = `${later}, d: { string: {}, since: 3, default: hi }`;

const versions: Any[] = [];
const codecs: Any[] = [];

beforeAll(async () => {
  for (const [i, shield] of ["", later, latest].entries()) {
    const loaded = loadSpec(spec(i + 1, shield), "spec.yaml");
    const model = resolveSpec(loaded);
    if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list));
    const generated = await generate(`language-${i + 1}`, model);
    versions.push(await generated.load("testing"));
    codecs.push(await generated.load("codecs"));
  }
}, 60_000);

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.split(" "), (h) => Number.parseInt(h, 16));
}

const numbers = (u: number, i: number) => ({ u, i });
const unknown = (value: number) => ({ h: value, s: value, d: value });
const good: [string, Any, string][] = [
  ["unknown", unknown(Number.NaN), "7e 00 7f c0 00 00 7f f8 00 00 00 00 00 00"],
  ["unknown", unknown(-2), "c0 00 c0 00 00 00 c0 00 00 00 00 00 00 00"],
  ["half", { x: 1 }, "3c 00"],
  ["half", { x: -2 }, "c0 00"],
  ["half", { x: 65504 }, "7b ff"],
  ["half", { x: 2 ** -24 }, "00 01"],
  ["half", { x: -0 }, "80 00"],
  ["array", { a: [1, 2], b: [true, false], c: ["é"] }, "00 01 00 02 80 00 02 c3 a9"],
  ["map", { m: new Map(), w: new Map() }, "00 00"],
  [
    "map",
    {
      m: new Map([
        ["b", 1],
        ["__proto__", 2],
      ]),
      w: new Map([["axe", true]]),
    },
    "02 01 62 01 09 5f 5f 70 72 6f 74 6f 5f 5f 02 01 80 80",
  ],
  ["pick", { p: { kind: "none", value: {} }, t: undefined }, "00 00"],
  ["pick", { p: { kind: "count", value: 258 }, t: undefined }, "00 01 01 02"],
  ["pick", { p: { kind: "weapon", value: "axe" }, t: undefined }, "00 02 80"],
  ["pick", { p: { kind: "texts", value: ["a"] }, t: undefined }, "00 03 01 01 61"],
  ["pick", { p: { kind: "none", value: {} }, t: { kind: "far", value: 9 } }, "80 00 ac 02 09"],
  ["pick", { p: { kind: "none", value: {} }, t: { kind: "near", value: true } }, "80 00 05 80"],
  [
    "tree",
    { t: { n: 1, children: [{ n: 2, children: [{ n: 3, children: [] }] }] } },
    "01 01 02 01 03 00",
  ],
  // on 1 | k 1101 | w present 0 | its 31 bits: 1110 1000 …
  ["keys", { on: true, k: 13, l: [], w: undefined }, "e8 00 00 00 00 00"],
  ["keys", { on: false, k: 0, l: [4, 9], w: undefined }, "00 00 00 00 00 02 40 90"],
  ["keys", { on: false, k: 1, l: [], w: 2 ** 30 + 1 }, "0e 00 00 00 08 00"],
  ["wide", numbers(0, 0), "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"],
  [
    "wide",
    numbers(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
    "00 1f ff ff ff ff ff ff ff e0 00 00 00 00 00 01",
  ],
  ["wide", numbers(2 ** 32, -1), "00 00 00 01 00 00 00 00 ff ff ff ff ff ff ff ff"],
];

describe("bytes by hand", () => {
  test.each(good)("%s %j is %s", (channel, message, hex) => {
    const [testing] = versions;
    expect(hexOf(testing.encode[channel](message))).toBe(hex);
    expect(testing.decode[channel](fromHex(hex))).toStrictEqual(message);
  });

  const bad: [string, string, string][] = [
    ["half", "7c 00", "x"],
    ["half", "7e 00", "x"],
    ["unknown", "7e 01 00 00 00 00 00 00 00 00 00 00 00 00", "h"],
    ["unknown", "7c 00 00 00 00 00 00 00 00 00 00 00 00 00", "h"],
    ["unknown", "7e 00 ff c0 00 00 00 00 00 00 00 00 00 00", "s"],
    ["unknown", "7e 00 7f 80 00 00 00 00 00 00 00 00 00 00", "s"],
    ["unknown", "7e 00 7f c0 00 00 7f f8 00 00 00 00 00 01", "d"],
    ["unknown", "7e 00 7f c0 00 00 7f f0 00 00 00 00 00 00", "d"],
    ["array", "00 01 00 02 80 01 00", "b[1]"],
    ["array", "00 01 00 02 80", "b"],
    ["map", "02 01 62 01 01 62 02 00", "m[#1]"],
    ["map", "04 01 61 00 01 62 00 01 63 00 01 64 00 00", "m"],
    ["map", "00 01 40 80", "w[#0]"],
    ["map", "00 01 80 81", "w[axe"],
    ["pick", "00 04", "p.kind"],
    ["keys", "10 00 00 00 00 00", "k"],
    ["keys", "00 00 00 00 00 01 20", "l[0]"],
    ["keys", "04 00 00 00 10 00", "w"],
    ["keys", "02 00 00 00 00 00", "w"],
    ["pick", "00 02 40", "p.value"],
    ["pick", "80 00 06 80", "t.kind"],
    ["tree", "01 01 02 01 03 01 04 00", "t.children[0].children[0].children[0]"],
    ["tree", "01 03 00", "t.children"],
    ["small", "80 80 80 80 80 80 00", "s"],
    ["wide", "00 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "u"],
    ["wide", "00 00 00 00 00 00 00 00 ff e0 00 00 00 00 00 00", "i"],
  ];
  test.each(bad)("%s %s is refused at %s", (channel, hex, path) => {
    let caught: unknown;
    try {
      versions[0].decode[channel](fromHex(hex));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(MalformedError);
    expect((caught as MalformedError).path.startsWith(path.replace("[axe", "["))).toBe(true);
  });
});

describe("what cannot be sent", () => {
  const tree: Any = { n: 1, children: [] };
  tree.children.push(tree, tree);
  const chain: Any = {};
  chain.next = chain;
  chain.other = chain;
  const cases: [string, Any, string][] = [
    ["half", { x: 65520 }, "x"],
    ["half", { x: Number.NaN }, "x"],
    ["unknown", unknown(Number.POSITIVE_INFINITY), "h"],
    ["unknown", { ...unknown(0), s: 1e39 }, "s"],
    ["unknown", { ...unknown(0), s: "NaN" }, "s"],
    ["unknown", { ...unknown(0), d: undefined }, "d"],
    ["keys", { on: true, k: 2, l: [] }, "k"],
    ["keys", { on: true, k: 16, l: [] }, "k"],
    ["keys", { on: true, k: -1, l: [] }, "k"],
    ["keys", { on: true, k: "jump", l: [] }, "k"],
    ["keys", { on: true, k: 1, l: [0, 6] }, "l[1]"],
    ["keys", { on: true, k: 1, l: [], w: 2 }, "w"],
    ["keys", { on: true, k: 1, l: [], w: 2 ** 31 }, "w"],
    ["array", { a: [1], b: [true, true], c: [""] }, "a"],
    ["array", { a: [1, 2], b: [true, 1], c: [""] }, "b[1]"],
    ["map", { m: {}, w: new Map() }, "m"],
    ["map", { m: new Map([["a", 256]]), w: new Map() }, 'm["a"]'],
    ["map", { m: new Map([[1, 1]]), w: new Map() }, "m[#0]"],
    ["map", { m: new Map(), w: new Map([["axe", 1]]) }, 'w["axe"]'],
    ["pick", { p: { kind: "toString", value: 1 } }, "p.kind"],
    ["pick", { p: { kind: "count", value: -1 } }, "p.value"],
    ["pick", { p: { kind: "texts", value: [1] } }, "p.value[0]"],
    ["tree", { t: tree }, "t.children[0].children[0].children[0]"],
    ["small", { s: chain }, "s"],
    ["wide", numbers(2 ** 53, 0), "u"],
    ["wide", numbers(0, -(2 ** 53)), "i"],
    ["wide", { u: 1n, i: 0 }, "u"],
  ];
  test.each(cases)("%s, case %#", (channel, message, path) => {
    const [testing] = versions;
    expect(() => testing.encode[channel](message)).toThrow(InvalidMessageError);
    const found = testing.validate[channel](message).path as string;
    expect(found.startsWith(path), found).toBe(true);
  });
});

test("every NaN is sent as the same bits, whatever the engine keeps in it", () => {
  const [testing] = versions;
  const odd = new Float64Array(BigUint64Array.of(0xfff4_0000_0000_0001n).buffer)[0]!;
  expect(testing.encode.unknown(unknown(odd))).toEqual(testing.encode.unknown(unknown(Number.NaN)));
});

describe("half floats", () => {
  test("are every one of 65536 values, both ways", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromHalf(bits);
      if (!Number.isFinite(value)) continue;
      if (!Object.is(value, Half.read(bits)) || toHalf(value) !== bits) {
        expect([bits, value, toHalf(value)]).toBe(Half.read(bits));
      }
    }
  });

  test("round to the nearest, and to the even one of two", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = fromHalf(bits);
      const high = fromHalf(bits + 1);
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const just = middle * 2 ** -52;
      const found = [toHalf(middle), toHalf(middle - just), toHalf(middle + just), toHalf(-middle)];
      const wanted = [even, bits, bits + 1, even + 0x8000];
      if (found.join() !== wanted.join()) expect(found, String(bits)).toEqual(wanted);
    }
    expect(toHalf(65519.99)).toBe(0x7bff);
    expect(toHalf(Number.MIN_VALUE)).toBe(0);
  });
});

describe("a struct that grew", () => {
  const old = { i: { a: 7 }, after: 9 };
  const full = { i: { a: 7, b: false, c: 3, d: "yo" }, after: 9 };

  /** As a peer of another version reads it. */
  function across(version: number, channel: string, bytes: Uint8Array): unknown {
    const reader = Reader.of(bytes);
    reader.compat = true;
    return codecs[version - 1][`${channel}Decoder`].decode(reader);
  }

  test("has its length in front and each version's members behind the others'", () => {
    expect(hexOf(versions[0].encode.inner(old))).toBe("01 07 09");
    expect(hexOf(versions[1].encode.inner({ i: { a: 7, b: true, c: 3 }, after: 9 }))).toBe(
      "03 07 80 03 09",
    );
    expect(hexOf(versions[2].encode.inner(full))).toBe("06 07 00 03 02 79 6f 09");
    expect(hexOf(versions[0].encode.top({ a: 1 }))).toBe("01 01");
  });

  test("is filled with defaults by a newer reader, and skipped by an older one", () => {
    const [one, , three] = versions;
    const first = one.encode.inner(old);
    expect(across(2, "inner", first)).toStrictEqual({ i: { a: 7, b: true, c: 0 }, after: 9 });
    expect(across(3, "inner", first)).toStrictEqual({
      i: { a: 7, b: true, c: 0, d: "hi" },
      after: 9,
    });
    const third = three.encode.inner(full);
    expect(across(1, "inner", third)).toStrictEqual(old);
    expect(across(2, "inner", third)).toStrictEqual({ i: { a: 7, b: false, c: 3 }, after: 9 });
    expect(across(1, "top", three.encode.top(full.i))).toStrictEqual({ a: 7 });
    expect(across(3, "top", one.encode.top({ a: 7 }))).toStrictEqual({
      a: 7,
      b: true,
      c: 0,
      d: "hi",
    });
    const list = one.encode.list({ all: [{ a: 1 }, { a: 2 }, { a: 3 }] });
    expect((across(3, "list", list) as Any).all).toHaveLength(3);
  });

  test("is refused between equals where it is shorter or longer", () => {
    const [one, , three] = versions;
    expect(() => three.decode.inner(one.encode.inner(old))).toThrow(MalformedError);
    expect(() => one.decode.inner(three.encode.inner(full))).toThrow(MalformedError);
  });

  test("is refused in between two groups, or with a length beyond its end, by everyone", () => {
    for (const hex of ["02 07 80 09", "00 09", "09 07 09"]) {
      expect(() => across(2, "inner", fromHex(hex))).toThrow(MalformedError);
    }
    expect(() => across(1, "inner", fromHex("00 09"))).toThrow(MalformedError);
  });
});
