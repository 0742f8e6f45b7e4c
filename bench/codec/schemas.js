/** The same messages for the peers that want a schema: Avro's as objects, Protocol Buffers' as text. */
import { enums } from "./shapes.js";

const enumOf = (name) => ({ type: "enum", name, symbols: enums[name] });
const record = (name, fields) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const array = (items) => ({ type: "array", items });

const snapshotOf = (name) =>
  record(name, {
    tick: "int",
    lastInput: "int",
    entities: array(
      record("Entity", {
        id: "int",
        kind: enumOf("Kind"),
        x: "float",
        y: "float",
        heading: "float",
        health: "int",
        weapon: ["null", enumOf("Weapon")],
      }),
    ),
  });

export const avro = {
  input: record("input", {
    sequence: "int",
    moveX: "float",
    moveY: "float",
    heading: "float",
    fire: "boolean",
    use: "boolean",
  }),
  snapshot: snapshotOf("snapshot"),
  world: snapshotOf("world"),
  chat: record("chat", { from: "int", text: "string" }),
  telemetry: record("telemetry", {
    time: "double",
    mode: enumOf("Mode"),
    battery: "float",
    moving: "boolean",
    charging: "boolean",
    fault: "boolean",
    estop: "boolean",
    joints: array(record("Joint", { angle: "float", velocity: "float", torque: "float" })),
    temperatures: array("int"),
  }),
  inventory: record("inventory", {
    owner: "string",
    gold: "int",
    slots: array(
      record("Slot", { item: "string", count: "int", durability: "float", tags: array("string") }),
    ),
  }),
  voice: record("voice", { sequence: "int", speaker: "int", level: "int", frame: "bytes" }),
  event: record("event", {
    sequence: "int",
    kind: enumOf("EventKind"),
    subject: "int",
    object: ["null", "int"],
    amount: "int",
  }),
};

const protoEnum = (name) =>
  `enum ${name} { ${enums[name].map((value, i) => `${name}_${value} = ${i};`).join(" ")} }`;

export const proto = `
syntax = "proto3";
package bench;
${Object.keys(enums).map(protoEnum).join("\n")}
message input { uint32 sequence = 1; float moveX = 2; float moveY = 3; float heading = 4; bool fire = 5; bool use = 6; }
message Entity {
  uint32 id = 1; Kind kind = 2; float x = 3; float y = 4; float heading = 5; uint32 health = 6; optional Weapon weapon = 7;
}
message snapshot { uint32 tick = 1; uint32 lastInput = 2; repeated Entity entities = 3; }
message world { uint32 tick = 1; uint32 lastInput = 2; repeated Entity entities = 3; }
message chat { uint32 from = 1; string text = 2; }
message Joint { float angle = 1; float velocity = 2; float torque = 3; }
message telemetry {
  double time = 1; Mode mode = 2; float battery = 3; bool moving = 4; bool charging = 5; bool fault = 6; bool estop = 7;
  repeated Joint joints = 8; repeated sint32 temperatures = 9;
}
message Slot { string item = 1; uint32 count = 2; float durability = 3; repeated string tags = 4; }
message inventory { string owner = 1; uint32 gold = 2; repeated Slot slots = 3; }
message voice { uint32 sequence = 1; uint32 speaker = 2; uint32 level = 3; bytes frame = 4; }
message event { uint32 sequence = 1; EventKind kind = 2; uint32 subject = 3; optional uint32 object = 4; sint32 amount = 5; }
`;

/** A message as Protocol Buffers' libraries hold it: enums as their numbers, no member where there is no value. */
export function forProto(value, key = "", path = "") {
  if (Array.isArray(value)) return value.map((item) => forProto(item, key, path));
  if (typeof value === "string") {
    const type = { kind: path === "event" ? "EventKind" : "Kind", weapon: "Weapon", mode: "Mode" }[
      key
    ];
    return type === undefined ? value : enums[type].indexOf(value);
  }
  if (typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, forProto(member, name, path)]),
  );
}
