import { describe, expect, it } from "vitest";
import { MAX_SLICES, MESSAGE_OVERHEAD_BYTES } from "#codegen/model/channels.js";
import { deliveries } from "#codegen/model/delivery.js";
import type { Model, StructModel } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { textFormats } from "#codegen/model/text-formats.js";
import { MAX_ZERO_DEPTH, MAX_ZERO_KEYS } from "#codegen/model/zero.js";
import { MAX_CHANNEL_ID } from "#codegen/spec/bounds.js";
import { loadSpec } from "#codegen/spec/load.js";
import { pascalCase } from "#codegen/spec/names.js";
import * as runtime from "#src/limits.js";
import { deliveries as runtimeDeliveries } from "#src/protocol.js";
import { goodSpecs } from "./good-specs.ts";
import { body, header, member, options, smallest } from "./specs.ts";

function model(spec: string): Model {
  const loaded = loadSpec(spec, "some/folder/protocol.yaml");
  const resolved = resolveSpec(loaded);
  if (resolved === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list));
  return resolved;
}

function struct(spec: string, name: string): StructModel {
  return model(spec).structs.find((s) => s.name === name)!;
}

const arena = goodSpecs["the arena"]!;

describe("the layout of a message", () => {
  it("gathers presence bits, bools, enums and quantised numbers in the order of members", () => {
    const entity = struct(arena, "Entity");
    const bits = entity.members.map((m) => [m.name, m.presenceBit, m.valueBit]);
    expect(bits).toEqual([
      ["id", undefined, undefined],
      ["kind", undefined, 0],
      ["at", undefined, undefined],
      ["heading", undefined, 2],
      ["health", undefined, 10],
      ["weapon", 17, 18],
    ]);
    expect(entity).toMatchObject({ bitBlockBytes: 3, minBytes: 9, maxBytes: 9, fixedBytes: 9 });
  });

  it("counts lengths and counts at their longest, and optional members not at least", () => {
    const s = struct(
      member(
        "{ struct: { a: { type: u32, optional: true }, b: { string: { maxBytes: 200 } }, c: { list: { of: { u8: { min: 0, max: 600 } }, max: 3 } }, d: varint } }".replace(
          "{ u8: { min: 0, max: 600 } }",
          "{ u16: { min: 0, max: 600 } }",
        ),
      ),
      "AX",
    );
    // One byte of bits; then b: 1 to 202, c: 1 to 1 + 3 * 2, d: 1 to 8; a: 0 or 4.
    expect([s.bitBlockBytes, s.minBytes, s.maxBytes, s.fixedBytes]).toEqual([1, 4, 222, -1]);
  });

  it("packs a bounded integer into the bits that its range needs", () => {
    const { members } = struct(member("{ i16: { min: -3, max: 4 } }"), "AMessage");
    expect(members[0]!.type).toEqual({
      kind: "quantised",
      bits: 3,
      min: -3,
      max: 4,
      steps: 7,
      integer: true,
    });
  });

  it("takes steps of a size that binary fractions cannot say", () => {
    const { members } = struct(member("{ f32: { min: -1, max: 1, step: 0.1 } }"), "AMessage");
    expect(members[0]!.type).toMatchObject({ steps: 20, bits: 5, integer: false });
  });

  it("uses the spec's default bounds where a type has none", () => {
    const spec = `${member("{ list: { of: string } }")}limits: { defaultMaxStringBytes: 5, defaultMaxListItems: 2 }\n`;
    expect(struct(spec, "AMessage").maxBytes).toBe(1 + 2 * 6);
  });

  it("gives an enum the bits of its largest value", () => {
    const bits = (values: string) => model(member(`{ enum: ${values} }`)).enums[0]!.bits;
    expect(bits("{ a: 0 }")).toBe(1);
    expect(bits("{ a: 0, b: 4 }")).toBe(3);
    expect(bits("{ a: 4294967295 }")).toBe(32);
  });
});

describe("names", () => {
  it("come from the channel for what is written in place", () => {
    const m = model(goodSpecs["every form"]!);
    expect(m.structs.map((s) => s.name)).toEqual(["AXI", "AX", "AMessage"]);
    expect(m.enums.map((e) => e.name)).toEqual(["AXH"]);
    expect(model(arena).enums.map((e) => e.name)).toContain("EventKind");
  });

  it("begin with a capital and have letters and digits only, however the spec writes them", () => {
    const m = model(goodSpecs["names of every style"]!);
    const names = [...m.structs, ...m.enums].map((s) => s.name);
    expect(names.sort()).toEqual(
      ["Interface", "SnakeCase2Class", "SnakeCase21", "SnakeCase2Message", "Vec2"].sort(),
    );
  });

  it("of structs come after those they use", () => {
    const names = model(
      `${smallest}types:\n  A: { struct: { b: B } }\n  B: { struct: {} }\n`,
    ).structs;
    expect(names.map((s) => s.name).slice(0, 2)).toEqual(["B", "A"]);
  });
});

describe("channels", () => {
  it("are in rising order of id, with defaults filled in", () => {
    const spec =
      `${options("doc: x", "unreliable")}  b: { id: 16777214, delivery: unreliable, message: {} }\n`
        .replace("id: 0", "id: 9")
        .replace("  b:", "  b:");
    const [a, b] = model(spec).channels;
    expect([a!.name, b!.name]).toEqual(["a", "b"]);
    expect(a).toMatchObject({
      index: 0,
      direction: "both",
      priority: 1,
      weight: 1,
      fragment: false,
      numbered: false,
      reliable: false,
      maxBytes: 1,
      queueBytes: 65536,
      message: "AMessage",
      doc: "x",
    });
  });

  it("number their messages where they are reliable", () => {
    expect(model(options("fragment: false")).channels[0]).toMatchObject({
      numbered: true,
      reliable: true,
    });
  });

  it("may say a larger bound than their message needs today", () => {
    expect(model(options("maxBytes: 1000")).channels[0]!.maxBytes).toBe(1000);
  });
});

describe("the header", () => {
  it("by default leaves 1134 bytes for a slice", () => {
    const m = model(smallest);
    expect(m.header).toMatchObject({
      maxBytes: 18,
      packetNumberBits: 16,
      widePacketNumberBits: 32,
      ackBits: 16,
      messageNumberBits: 16,
    });
    expect(m.limits.sliceBytes).toBe(1200 - 18 - 32 - 16);
  });

  it("numbers the user's own fields in order and counts their bytes", () => {
    const m = model(goodSpecs["a header with fields of the user's own"]!);
    const own = [...m.header.clear, ...m.header.sealed].filter((f) => f.role === undefined);
    expect(own.map((f) => [f.name, f.userIndex])).toEqual([
      ["busy", 0],
      ["load", 1],
      ["tick", 2],
    ]);
    expect(m.header.maxBytes).toBe(18 + 1 + 4);
  });

  it("may have one width of the packet number", () => {
    const { header: h } = model(goodSpecs["a header without a wide form"]!);
    expect([h.packetNumberBits, h.widePacketNumberBits]).toEqual([24, 24]);
    expect([h.ackBits, h.messageNumberBits]).toEqual([32, 32]);
  });
});

describe("zero messages", () => {
  it.each([
    ["ascii", 1],
    ["base64", 1],
    [undefined, 6],
  ])("count a character of format %s as %i bytes", (format, bytes) => {
    const maxBytes = (characters: number): number => {
      const said = format === undefined ? "" : `, format: ${format}`;
      const m = model(body(`{ type: string, maxLength: ${characters}${said} }`));
      return m.zero.messages.find((z) => z.name === "join")!.maxBytes;
    };
    expect(maxBytes(60) - maxBytes(20)).toBe(40 * bytes);
  });

  it.each(Object.entries(textFormats))("have texts of format %s as they are", (_, format) => {
    for (let code = 0; code < 0x180; code++) {
      const text = String.fromCharCode(code);
      const isPlain = Buffer.byteLength(JSON.stringify(text)) === 3;
      if (format.pattern.test(text)) expect(isPlain, text).toBe(true);
      else expect(format.characters.includes(text), text).toBe(false);
    }
    expect(format.pattern.test(format.characters.repeat(50))).toBe(true);
  });

  it("have a worst case that the largest datagram reaches and never exceeds", () => {
    const m = model(body("{ type: string, maxLength: 20 }"));
    const join = m.zero.messages.find((z) => z.name === "join")!;
    const text = JSON.stringify({
      v: 1,
      cid: "c".repeat(22),
      msg: "join",
      seq: Number.MAX_SAFE_INTEGER,
      ack: Number.MAX_SAFE_INTEGER,
      sys: {
        version: 4294967295,
        hash: "h".repeat(32),
        compatible: Array.from({ length: 8 }, () => "h".repeat(32)),
        cookie: "k".repeat(64),
        // A token is what connect looks at: how long one is depends on who has issued it.
        stay: false,
      },
      body: { x: "\u0001".repeat(20) },
      pad: "",
      mac: "m".repeat(22),
    });
    const bytes = 3 + Buffer.byteLength(text);
    expect(bytes).toBeLessThanOrEqual(join.maxBytes);
    // Each object and list counts one comma too many.
    expect(join.maxBytes - bytes).toBeLessThan(8);
  });

  it("have schemas that JSON Schema understands, where YAML says null", () => {
    const join = model(body("{ type: null }")).zero.messages[0]!;
    expect(join.body).toMatchObject({ properties: { x: { type: "null" } } });
  });

  it("have closed bodies and the default's state table", () => {
    const m = model(body("{ type: object, properties: {} }"));
    const join = m.zero.messages.find((z) => z.name === "join")!;
    expect(join.body).toMatchObject({
      additionalProperties: false,
      properties: { x: { additionalProperties: false } },
    });
    expect(m.zero.states.client["open"]!["close"]).toBe("draining");
    expect(m.zero.messages.map((z) => z.name)).toContain("gone");
  });
});

describe("what front end and runtime both say", () => {
  it("is the same", () => {
    expect(MESSAGE_OVERHEAD_BYTES).toBe(runtime.MESSAGE_OVERHEAD_BYTES);
    expect(MAX_CHANNEL_ID).toBe(runtime.MAX_CHANNEL_ID);
    expect(MAX_ZERO_DEPTH).toBe(runtime.MAX_ZERO_JSON_DEPTH);
    expect(MAX_ZERO_KEYS).toBe(runtime.MAX_ZERO_JSON_KEYS);
    expect(MAX_SLICES).toBeLessThan(2 ** 14);
    expect(deliveries).toEqual(runtimeDeliveries);
  });
});

describe("the protocol hash", () => {
  const base = model(arena).hash;
  const changed = (from: string | RegExp, to: string) => {
    const text = arena.replace(from, to);
    expect(text).not.toBe(arena);
    return model(text).hash;
  };

  it("is 32 hex digits and the same every time", () => {
    expect(base).toMatch(/^[0-9a-f]{32}$/);
    expect(model(arena).hash).toBe(base);
  });

  it.each([
    ["a doc", "Nearest first.", "Sorted."],
    ["the version", "version: 1\n  doc", "version: 2\n  doc"],
    ["the name of a type", /\bWeapon\b/g, "Tool"],
    ["the name of a header field with a role", "name: ackNow", "name: hurry"],
    ["an unused type", "types:\n", "types:\n  Unused: { struct: { x: u8 } }\n"],
    ["what only the sender decides", "priority: 4", "priority: 3"],
    ["a comment", "# The arena", "# An arena"],
  ] as const)("does not change with %s", (_, from, to) => {
    expect(changed(from, to)).toBe(base);
  });

  it.each([
    ["the name of a member", "moveX:", "strafe:"],
    ["the name of a channel", "  chat:\n", "  talk:\n"],
    ["the name of an enum value", "sword: 1", "blade: 1"],
    ["the protocol's name", "name: arena", "name: arena2"],
    ["a channel's id", "id: 4\n", "id: 9\n"],
    ["a delivery", "delivery: reliable\n", "delivery: reliable-ordered\n"],
    ["a direction", "direction: both", "direction: client-to-server"],
    ["a bound", "maxBytes: 240", "maxBytes: 241"],
    ["a member's type", "{ type: i16, doc", "{ type: u16, doc"],
    ["an optional member", "type: Weapon, optional: true", "type: Weapon"],
    ["the number of an enum value", "potion: 2 }", "potion: 3 }"],
    [
      "a quantised range",
      "min: -512, max: 512, bits: 16 }, unit: m, doc: East",
      "min: -500, max: 512, bits: 16 }, unit: m, doc: East",
    ],
    ["a limit of both ends", "idleTimeoutMs: 10000", "idleTimeoutMs: 12000"],
    ["a zero schema", "minLength: 1, maxLength: 24", "minLength: 1, maxLength: 25"],
    ["an element count", "max: 96", "max: 95"],
  ] as const)("changes with %s", (_, from, to) => {
    expect(changed(from, to)).not.toBe(base);
  });

  it("changes with the order of members, and with the header's layout", () => {
    const order = (members: string) => model(options("doc: x", "reliable", members)).hash;
    expect(order("{ a: u8, b: u16 }")).not.toBe(order("{ b: u16, a: u8 }"));
    const plain = model(header()).hash;
    expect(plain).toBe(model(smallest).hash);
    const wider = model(
      header(["type: u16, role: message-number", "type: u32, role: message-number"]),
    );
    expect(wider.hash).not.toBe(plain);
    const own = (name: string) =>
      model(header(["  frame:", `    - { name: ${name}, type: u32 }\n  frame:`])).hash;
    expect(own("tick")).not.toBe(own("step"));
  });

  const tree =
    "types: { Tree: { maxDepth: 4, struct: { n: u8, all: { list: { of: Tree, max: 2 } } } } }";
  const language = options(
    "extensible: true",
    "reliable",
    "{ t: Tree, u: { union: { a: u8, b: u16 } }, m: { map: { key: u8, value: u8 } }, r: { array: { of: u8, length: 3 } }, w: { u64: { as: number } }, s: { type: u8, since: 2, default: 3 }, v: { type: u8, since: 3 } }",
  )
    .replace("name: test", "name: test, version: 3")
    .concat(tree, "\n");
  const hashWith = (from: string, to: string) => {
    expect(language).toContain(from);
    return model(language.replace(from, to)).hash;
  };

  it.each([
    [
      "tags that are the same, written out",
      "{ a: u8, b: u16 }",
      "{ b: { type: u16, tag: 1 }, a: { type: u8, tag: 0 } }",
    ],
    ["a default", "default: 3", "default: 4"],
    ["the version of a whole group", "since: 3", "since: 3, doc: x"],
  ])("does not change with %s", (_, from, to) => {
    expect(hashWith(from, to)).toBe(model(language).hash);
  });

  it.each([
    ["the name of a variant", "{ a: u8, b: u16 }", "{ x: u8, b: u16 }"],
    [
      "the exchange of two names of members",
      "r: { array: { of: u8, length: 3 } }, w: { u64: { as: number } }",
      "w: { array: { of: u8, length: 3 } }, r: { u64: { as: number } }",
    ],
    ["a bound on depth", "maxDepth: 4", "maxDepth: 5"],
    ["a bound on a recursive type's bytes", "maxDepth: 4", "maxDepth: 4, maxBytes: 20"],
    ["a tag", "{ a: u8, b: u16 }", "{ a: { type: u8, tag: 1 }, b: { type: u16, tag: 2 } }"],
    ["the key of a map", "key: u8", "key: i8"],
    ["the length of an array", "length: 3", "length: 4"],
    ["64 bits as a bigint", "as: number", "as: bigint"],
    ["two groups that become one", "since: 3", "since: 2"],
  ])("knows %s", (_, from, to) => {
    expect(hashWith(from, to)).not.toBe(model(language).hash);
  });

  it("takes types that hold each other for the same in whatever order they stand", () => {
    const one = "  A: { maxDepth: 3, struct: { b: { list: { of: B } } } }\n";
    const two = "  B: { struct: { a: A, x: u8 } }\n";
    const spec = (text: string) =>
      `${options("doc: x", "reliable", "{ a: A, b: B }")}types:\n${text}`;
    expect(model(spec(one + two)).hash).toBe(model(spec(two + one)).hash);
    expect(struct(spec(one + two), "A")).toMatchObject({ recursion: { head: "A", maxDepth: 3 } });
  });
});

describe("the TypeScript name of a type", () => {
  it.each([
    ["vec2", "Vec2"],
    ["chat_line", "ChatLine"],
    ["HTTPHeader", "HTTPHeader"],
    ["HTTP", "HTTP"],
    ["MAV_CMD", "MavCmd"],
    ["GPS_RAW_INT2", "GpsRawInt2"],
    ["Mav_CMD", "MavCMD"],
  ])("of %s is %s", (name, typescript) => {
    expect(pascalCase(name)).toBe(typescript);
  });
});
