/** Generated codecs: bytes worked out by hand from the design, every message there and back, and nothing else let in. */
import fc from "fast-check";
import { encodeOnce, InvalidMessageError, MalformedError, Reader, Writer } from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { codecIn } from "#fuzz/both-sides.js";
import { generate } from "./support/generate.ts";
import { kindsModel } from "./support/kinds.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;
let codecs: Any;
let testing: Any;
let protocol: Any;

beforeAll(async () => {
  const generated = await generate("codecs", kindsModel());
  codecs = await generated.load("codecs");
  testing = await generated.load("testing");
  ({ protocol } = await generated.load("protocol"));
});

const channels = ["integers", "bits", "mixed", "lists", "empty", "names"];

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(
    hex.split(" ").filter((h) => h !== ""),
    (h) => Number.parseInt(h, 16),
  );
}

describe("bytes by hand", () => {
  test("integers are big-endian, varints LEB128, floats IEEE", () => {
    const message = {
      a: 1,
      b: 0x0203,
      c: 0xfffe_fdfc,
      d: 0x0102_0304_0506_0708n,
      e: -1,
      f: -2,
      g: -3,
      h: -4n,
      i: 300,
      j: -3,
      k: 1.5,
      l: -2,
    };
    const hex =
      "01 02 03 ff fe fd fc 01 02 03 04 05 06 07 08 ff ff fe ff ff ff fd ff ff ff ff ff ff ff fc " +
      "ac 02 05 3f c0 00 00 c0 00 00 00 00 00 00 00";
    expect(hexOf(testing.encode.integers(message))).toBe(hex);
    expect(testing.decode.integers(fromHex(hex))).toStrictEqual(message);
  });

  test("bits stand in front, most significant first, absent ones zero, padded with zeros", () => {
    // fire 1 | weapon 10 | health 0110010 | wide 32 x 1 | angle present 0, 11 x 0 | use present 1, 0 | offset 1010 |
    // sparse 11001000 | 4 x padding: 1100 1100 10 11…
    const message = {
      fire: true,
      weapon: "bow",
      health: 50,
      wide: 0xffff_ffff,
      angle: undefined,
      use: false,
      offset: 50,
      sparse: "high",
      count: 0x0102,
    };
    const bits = `1${"10"}${"0110010"}${"1".repeat(32)}0${"0".repeat(11)}10${"1010"}${"11001000"}${"0000"}`;
    const block = bits
      .match(/.{8}/g)!
      .map((b) => Number.parseInt(b, 2).toString(16).padStart(2, "0"));
    const hex = `${block.join(" ")} 01 02`;
    expect(hexOf(testing.encode.bits(message))).toBe(hex);
    expect(testing.decode.bits(fromHex(hex))).toStrictEqual(message);
  });

  test("optional members, strings, bytes, structs and lists follow the block in the spec's order", () => {
    const message = {
      name: "hé",
      blob: Uint8Array.of(9, 8),
      after: 1,
      again: 0,
      maybe: 0x0a0b,
      maybeThing: undefined,
      thing: { id: 5, weapon: "sword", at: { x: -512, y: 512 }, note: undefined },
      maybeList: [7],
      flag: true,
    };
    // presence 1, 0, 1; flag 1; padding. thing: weapon present 1, 01, note present 0 -> 1010 0000; note absent.
    const hex = "b0 03 68 c3 a9 02 09 08 00 00 00 01 00 00 00 00 0a 0b a0 00 05 00 00 ff ff 01 07";
    expect(hexOf(testing.encode.mixed(message))).toBe(hex);
    expect(testing.decode.mixed(fromHex(hex))).toStrictEqual(message);
  });

  test("each element of a list of bits has a block of its own", () => {
    const message = {
      things: [],
      bytes: [],
      words: [1],
      floats: [],
      bigs: [-1n],
      flags: [true, false],
      weapons: ["bow"],
      steps: [10],
      names: ["", "a"],
      grid: [[], [-1]],
      numbers: [-1],
      blobs: [],
    };
    const hex =
      "00 00 01 00 00 00 01 00 01 ff ff ff ff ff ff ff ff 02 80 00 01 80 01 3e 80 02 00 01 61 " +
      "02 00 01 ff ff 01 01 00";
    expect(hexOf(testing.encode.lists(message))).toBe(hex);
    expect(testing.decode.lists(fromHex(hex))).toStrictEqual(message);
  });
});

/** Has a message checked on its way out, where it goes or beside. */
function check(codec: Any, message: unknown): void {
  if (codec.inPlace) codec.write(message, new Writer(new Uint8Array(codec.maxBytes)), 0);
  else encodeOnce(codec, message);
}

test("only messages that their channel may refuse as a whole are not written where they go", () => {
  expect(channels.filter((channel) => !codecs[`${channel}Encoder`].inPlace)).toEqual(["lists"]);
});

describe.each(channels)("any message of %s", (channel) => {
  test("comes back as it was, in the bytes announced", () => {
    const codec: Any = codecIn(codecs, channel);
    fc.assert(
      fc.property(testing.arbitrary[channel](fc) as fc.Arbitrary<Any>, (message) => {
        const bytes = testing.encode[channel](message);
        expect(bytes.byteLength).toBeLessThanOrEqual(codec.maxBytes);
        const { fixedBytes } = protocol.channels.find((c: Any) => c.name === channel);
        if (fixedBytes >= 0) expect(bytes.byteLength).toBe(fixedBytes);
        expect(hexOf(encodeOnce(codec, message))).toBe(hexOf(bytes));
        if (codec.inPlace) {
          const memory = new Uint8Array(codec.maxBytes + 9).fill(0x77);
          const end = codec.write(message, new Writer(memory), 3);
          expect(hexOf(memory.subarray(3, end))).toBe(hexOf(bytes));
          expect(memory.subarray(3 + codec.maxBytes).every((byte) => byte === 0x77)).toBe(true);
        }
        const back = testing.decode[channel](bytes);
        expect(back).toStrictEqual({ ...message });
        expect(testing.encode[channel](back)).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
  });

  test("cut short, lengthened or changed throws MalformedError, or is another message", () => {
    const codec: Any = codecIn(codecs, channel);
    const any = testing.arbitrary[channel](fc) as fc.Arbitrary<Any>;
    fc.assert(
      fc.property(
        any,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        fc.nat(),
        (message, edits, cut) => {
          const good = testing.encode[channel](message);
          for (const length of [
            cut % (good.byteLength + 1),
            good.byteLength,
            good.byteLength + 1,
          ]) {
            const bytes = new Uint8Array(length);
            bytes.set(good.subarray(0, length));
            for (const [at, value] of edits) if (length > 0) bytes[at % length] = value;
            let back: unknown;
            try {
              back = codec.decode(Reader.of(bytes));
            } catch (error) {
              expect(error).toBeInstanceOf(MalformedError);
              expect((error as MalformedError).byteOffset).toBeLessThanOrEqual(length);
              continue;
            }
            // One way to write each thing: what was accepted is what the encoder writes.
            if (bytes.length <= codec.maxBytes) {
              expect(hexOf(testing.encode[channel](back))).toBe(hexOf(bytes));
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("has a valid example, and a guard that accepts it", () => {
    const example = testing.example[channel]();
    expect(testing.validate[channel](example)).toBeNull();
    const guard = `is${channel[0]!.toUpperCase()}${channel.slice(1)}`;
    expect(testing[guard](example)).toBe(true);
    expect(testing[guard](null)).toBe(false);
    expect(testing.validate[channel]({ ...example, unheardOf: 1 })).toBeNull();
  });

  test("of hostile values is refused, never with another error", () => {
    const codec: Any = codecIn(codecs, channel);
    const hostile = fc.anything({
      withBigInt: true,
      withTypedArray: true,
      withNullPrototype: true,
    });
    const keys = Object.keys(testing.example[channel]());
    fc.assert(
      fc.property(hostile, fc.nat(), (value, which) => {
        const message = testing.example[channel]();
        const name = keys[which % Math.max(1, keys.length)];
        for (const candidate of [
          value,
          name === undefined ? message : { ...message, [name]: value },
        ]) {
          const problem = testing.validate[channel](candidate);
          if (problem !== null) {
            expect(() => check(codec, candidate)).toThrow(InvalidMessageError);
          } else testing.decode[channel](testing.encode[channel](candidate));
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("a wrong member is named", () => {
  const cases: [string, (m: Any) => void, string][] = [
    ["integers", (m) => (m.a = 256), "a"],
    ["integers", (m) => (m.b = 1.5), "b"],
    ["integers", (m) => (m.c = "1"), "c"],
    ["integers", (m) => (m.d = 1), "d"],
    ["integers", (m) => (m.d = 1n << 64n), "d"],
    ["integers", (m) => (m.h = -(1n << 63n) - 1n), "h"],
    ["integers", (m) => (m.i = 2 ** 53), "i"],
    ["integers", (m) => (m.j = 2 ** 52), "j"],
    ["integers", (m) => (m.k = 1e39), "k"],
    ["integers", (m) => (m.l = Number.NaN), "l"],
    ["integers", (m) => delete m.g, "g"],
    ["bits", (m) => (m.fire = 1), "fire"],
    ["bits", (m) => (m.weapon = "toString"), "weapon"],
    ["bits", (m) => (m.health = 1.5), "health"],
    ["bits", (m) => (m.angle = Number.NaN), "angle"],
    ["bits", (m) => (m.offset = 51), "offset"],
    ["mixed", (m) => (m.name = "x".repeat(41)), "name"],
    ["mixed", (m) => (m.name = "\ud800"), "name"],
    ["mixed", (m) => (m.blob = [1, 2]), "blob"],
    ["mixed", (m) => (m.thing.at.x = 513), "thing.at.x"],
    ["mixed", (m) => (m.maybeThing = null), "maybeThing"],
    ["lists", (m) => (m.things = Array(51).fill(m.things[0])), "things"],
    ["lists", (m) => (m.things[1].at = 3), "things[1].at"],
    ["lists", (m) => (m.flags = [true, 0]), "flags[1]"],
    ["lists", (m) => (m.grid = [[1], [1, 70000]]), "grid[1][1]"],
    ["lists", (m) => (m.names = { length: 1 }), "names"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a member's name
    ["names", (m) => (m["it's `${x}` */"] = 300), "it's `${x}` */"],
  ];
  test.each(cases)("%s, case %#", (channel, spoil, path) => {
    const message = testing.example[channel]();
    spoil(message);
    expect(testing.validate[channel](message)?.path).toBe(path);
    const codec: Any = codecIn(codecs, channel);
    expect(() => check(codec, message)).toThrow(expect.objectContaining({ path }));
  });

  test("and a list where an object must be is refused, even where all members are optional", () => {
    for (const channel of channels) {
      const codec: Any = codecIn(codecs, channel);
      expect(testing.validate[channel]([]), channel).not.toBeNull();
      expect(() => check(codec, []), channel).toThrow(InvalidMessageError);
    }
  });

  test("and each is read once: what was checked is what is written", () => {
    for (const channel of channels) {
      const codec: Any = codecIn(codecs, channel);
      const message = testing.example[channel]();
      const reads = new Map<string, number>();
      const watched = Object.defineProperties(
        {},
        Object.fromEntries(
          Object.keys(message).map((name) => [
            name,
            {
              enumerable: true,
              get() {
                reads.set(name, (reads.get(name) ?? 0) + 1);
                return message[name];
              },
            },
          ]),
        ),
      );
      codec.write(watched, new Writer(new Uint8Array(4096)), 0);
      for (const name of Object.keys(message)) expect(reads.get(name), name).toBe(1);
    }
  });

  test("and a message above its channel's maxBytes is refused as a whole", () => {
    const message = testing.example.lists();
    message.things = Array(50).fill(testing.example.mixed().thing);
    expect(testing.validate.lists(message)).toBeNull();
    for (const thing of message.things) thing.note = "x".repeat(20);
    expect(testing.validate.lists(message)).toEqual({
      path: "",
      problem: expect.stringContaining("1200 are allowed"),
    });
    expect(() => testing.encode.lists(message)).toThrow(InvalidMessageError);
  });
});

describe("bytes that no encoder writes", () => {
  const bits = "cc bf ff ff ff c0 02 ac 80 01 02";
  const cases: [string, string, string, number][] = [
    ["bits", "cc bf ff ff ff c0 02 ac 81 01 02", "", 8],
    ["bits", "ec bf ff ff ff c0 02 ac 80 01 02", "weapon", 0],
    ["bits", "d9 7f ff ff ff c0 02 ac 80 01 02", "health", 0],
    ["bits", "cc bf ff ff ff c1 02 ac 80 01 02", "angle", 5],
    ["bits", "cc bf ff ff ff c0 01 ac 80 01 02", "use", 6],
    ["bits", "cc bf ff ff ff c0 02 bc 80 01 02", "offset", 7],
    ["bits", "cc bf ff ff ff c0 02 ac 90 01 02", "sparse", 7],
    ["bits", "cc bf ff ff ff c0 02 ac 80 01", "", 0],
    ["bits", `${bits} 00`, "", 11],
    ["mixed", "00 29", "name", 1],
    ["mixed", "00 02 c3 28", "name", 2],
    ["mixed", "00 80 00", "name", 1],
    ["mixed", "00 00 05 01", "blob", 3],
    ["mixed", "00 00 00 00 00 00 01 7f 80 00 00", "again", 7],
    ["mixed", "00 00 00 00 00 00 01 00 00 00 00 e0", "thing", 11],
    ["lists", "33", "things", 0],
    ["lists", "02 00 00 01", "things", 0],
    ["lists", "00 00 00 00 00 01 81", "flags[0]", 6],
    ["lists", "00 00 00 00 00 00 01 e0", "weapons[0]", 7],
    ["lists", "00 00 00 00 00 00 00 00 01 02 ff ff", "names[0]", 10],
    ["lists", "00 00 00 00 00 00 00 00 00 01 04", "grid[0]", 10],
  ];
  test.each(cases)("%s %s", (channel, hex, path, byteOffset) => {
    let caught: unknown;
    try {
      testing.decode[channel](fromHex(hex));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(MalformedError);
    expect({ ...(caught as object) }).toMatchObject({
      path: expect.stringContaining(path),
      byteOffset,
    });
  });

  test("the bytes they were made from are good", () => {
    expect(testing.decode.bits(fromHex(bits)).sparse).toBe("high");
  });
});
