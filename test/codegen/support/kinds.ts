/** A spec that uses every kind of type, in every place where it can stand. */
import type { Model } from "#codegen/model/model.js";
import * as t from "./models.ts";
import { arenaHeader, headerModel, Spec, zeroModel } from "./models.ts";

export function kindsModel(): Model {
  const spec = new Spec();
  const weapon = spec.enum("Weapon", { fists: 0, sword: 1, bow: 2 });
  const sparse = spec.enum("Sparse", { low: 3, high: 200 });
  const vec2 = spec.struct("Vec2", {
    x: t.quantised(-512, 512, 16),
    y: t.quantised(-512, 512, 16),
  });
  const thing = spec.struct("Thing", {
    id: t.u16,
    weapon: { type: weapon, optional: true },
    at: vec2,
    note: { type: t.string(20), optional: true },
  });
  spec.struct("IntegersMessage", {
    a: t.u8,
    b: t.u16,
    c: t.u32,
    d: t.u64,
    e: t.i8,
    f: t.i16,
    g: t.i32,
    h: t.i64,
    i: t.varint,
    j: t.zigzag,
    k: t.f32,
    l: t.f64,
  });
  spec.channel("integers");
  spec.struct("BitsMessage", {
    fire: t.bool,
    weapon,
    health: t.quantised(0, 100, 7, 100, true),
    wide: t.quantised(0, 4294967295, 32, 4294967295, true),
    angle: { type: t.quantised(-1, 1, 11), optional: true },
    use: { type: t.bool, optional: true },
    offset: t.quantised(-50, 50, 4, 10, true),
    sparse,
    count: t.u16,
  });
  spec.channel("bits");
  spec.struct("MixedMessage", {
    name: t.string(40),
    blob: t.bytes(300),
    after: t.u32,
    again: t.f32,
    maybe: { type: t.u16, optional: true },
    maybeThing: { type: thing, optional: true },
    thing,
    maybeList: { type: t.list(t.u8, 4), optional: true },
    flag: t.bool,
  });
  spec.channel("mixed", { delivery: "reliable-ordered" });
  spec.struct("ListsMessage", {
    things: t.list(thing, 50),
    bytes: t.list(t.u8, 50),
    words: t.list(t.u32, 50),
    floats: t.list(t.f32, 50),
    bigs: t.list(t.i64, 5),
    flags: t.list(t.bool, 9),
    weapons: t.list(weapon, 9),
    steps: t.list(t.quantised(0, 10, 12, 1000), 9),
    names: t.list(t.string(8), 9),
    grid: t.list(t.list(t.i16, 3), 3),
    numbers: t.list(t.zigzag, 9),
    blobs: t.list(t.bytes(3), 3),
  });
  spec.channel("lists", { delivery: "reliable", fragment: true, maxBytes: 1200 });
  spec.struct("EmptyMessage", {});
  spec.channel("empty", { direction: "client-to-server" });
  spec.struct("NamesMessage", {
    "a b": t.u8,
    __proto__x: t.u8,
    constructor: t.string(4),
    r: t.u8,
    at: t.u16,
    view: t.bool,
    size: t.string(9),
    message: t.list(t.u8, 2),
    "it's `${x}` */": { type: t.u8, optional: true },
    delete: t.bool,
    item: t.list(vec2, 2),
  });
  spec.channel("names", { direction: "server-to-client" });
  return spec.model({
    header: headerModel({
      sealed: [...arenaHeader.sealed, { name: "tick", type: "u32", userIndex: 0 }],
    }),
    zero: zeroModel({
      join: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string", minLength: 1, maxLength: 24 },
          spectator: { type: "boolean" },
          tags: { type: "array", maxItems: 3, items: { enum: ["a", { b: 1 }] } },
          deep: { type: "object", properties: { x: { type: "integer" } } },
        },
      },
      accept: {
        type: "object",
        required: ["motd"],
        properties: { motd: { type: "string", maxLength: 48 } },
      },
    }),
  });
}
