/**
 * `header.ts`: the layout of the spec's header as a `HeaderCodec`. Here what stands once in a datagram, and the file as a
 * whole; frames.ts has what stands before each payload. The rules are docs/wire.md's: they are emitted, not decided, here.
 */
import { compatMaxBytes, payloadFixedBytes, payloadMaxBytes } from "../model/channels.ts";
import { conditionField, hasRole } from "../model/header-roles.ts";
import { Lookup } from "../model/lookup.ts";
import type { HeaderFieldModel, HeaderRole, Model } from "../model/model.ts";
import type { Declaration, Func } from "../print/declarations.ts";
import { atom, compound } from "../print/expression.ts";
import { type Module, WIRE } from "../print/module.ts";
import { Lines, Names, pascal, quote } from "../print/text.ts";
import { frameFunctions } from "./frames.ts";
import {
  groupsOf,
  moduleNames,
  readItems,
  runBytes,
  sizeItems,
  type Value,
  writeItems,
} from "./header-fields.ts";

export function emitHeader(model: Model, module: Module): Declaration[] {
  const functions = [
    channelFunction(model),
    sizeFunction(model, module),
    writeFunction(model, "clear", module),
    writeFunction(model, "sealed", module),
    readFunction(model, "clear", module),
    readFunction(model, "sealed", module),
    ...frameFunctions(model, module),
  ];
  const used = new Set(functions.flatMap((f) => [...(f.uses ?? [])]));
  return [
    { kind: "raw", text: channelTables(model, used) },
    ...functions,
    { kind: "raw", text: codecText(model, module) },
  ];
}

/** Constants of each channel that reading and writing a header need, by channel index. */
function channelTables(model: Model, used: ReadonlySet<string>): string {
  const lookup = Lookup.of(model);
  const table = (name: string, type: string, doc: string, values: number[]) =>
    used.has(name) ? [`/** ${doc} */`, `const ${name} = ${type}.of(${values.join(", ")});`] : [];
  const { channels } = model;
  return [
    "// By channel index:",
    ...table(
      "wireIds",
      "Uint32Array",
      "Id on the wire: the spec's plus one.",
      channels.map((c) => c.id + 1),
    ),
    ...table(
      "numbered",
      "Uint8Array",
      "1 where frames carry a message number.",
      channels.map((c) => Number(c.numbered)),
    ),
    ...table(
      "fragments",
      "Uint8Array",
      "1 where messages may be sliced.",
      channels.map((c) => Number(c.fragment)),
    ),
    ...table(
      "fixedBytes",
      "Int32Array",
      "Bytes of every payload, or -1 where they differ.",
      channels.map((c) => payloadFixedBytes(c, lookup)),
    ),
    ...table("maxBytes", "Float64Array", "The largest payload.", channels.map(payloadMaxBytes)),
    ...table(
      "compatMaxBytes",
      "Float64Array",
      "The same for a peer of another version, where messages may have grown.",
      channels.map((c) => compatMaxBytes(model, c)),
    ),
  ].join("\n");
}

function channelFunction(model: Model): Func {
  const lines = new Lines().add("switch (wireId) {");
  for (const c of model.channels) {
    lines.add(`  case ${c.id + 1}:`, `    return ${c.index}; // ${c.name.replace(/\s+/g, " ")}`);
  }
  lines.add("  default:", "    return -1;", "}");
  return {
    kind: "function",
    name: "channelOf",
    exported: false,
    parameters: [{ name: "wireId", type: "number" }],
    returns: "number",
    body: lines.text,
    doc: "Index of a channel by its id on the wire; -1 for one that the spec has not.",
  };
}

/** All fields that stand once in a datagram. */
function datagramFields(model: Model): readonly HeaderFieldModel[] {
  return [...model.header.clear, ...model.header.sealed];
}

/** Where a flag lives once it is read; `first` is the first frame. */
const flagTargets: Partial<Record<HeaderRole, string>> = {
  ack: "h.ack",
  "ack-now": "h.ackNow",
  frames: "h.frames",
  slice: "first.slice",
  more: "first.more",
  wide: "h.wide",
  "key-phase": "h.keyPhase",
  limit: "h.limit",
};

/** The flags that say something of the first frame, and nothing of the datagram. */
const firstFrameFlags: readonly HeaderRole[] = ["slice", "more"];

/** The condition of a field of the datagram, as an expression over `h`. */
function conditionOf(model: Model, lines: Lines): (field: HeaderFieldModel) => string {
  const fields = datagramFields(model);
  return (field) =>
    field.when
      .map((name) => {
        const flag = conditionField(name, fields);
        if (flag?.userIndex !== undefined) {
          return `${lines.use("h")}.user[${flag.userIndex}] !== 0`;
        }
        const role = flag?.role;
        const target = role === undefined ? undefined : flagTargets[role];
        if (target === undefined || firstFrameFlags.includes(role!)) {
          throw new Error(`header field ${field.name}: no condition ${name} in a datagram`);
        }
        lines.use("h");
        return target;
      })
      .join(" && ");
}

function writtenValue(model: Model, lines: Lines): Value {
  const low = model.header.packetNumberBits;
  return (field) => {
    switch (field.role) {
      case "channel":
        return atom("wireId");
      case "packet-number":
        return atom(`${lines.use("h")}.packetNumber`);
      case "packet-number-high":
        return atom(`Math.floor(${lines.use("h")}.packetNumber / ${2 ** low})`);
      case "session-tag":
        return atom(`${lines.use("h")}.sessionTag`);
      case "ack-largest":
        return atom(`${lines.use("h")}.acks.largest`);
      case "ack-delay":
        return atom(`${lines.use("h")}.acks.delay`);
      case "ack-bits":
        return atom(`${lines.wire("ackWord")}(${lines.use("h")}.acks, 0)`);
      case "receive-limit":
        return atom(`${lines.use("h")}.receiveLimit`);
      case "clock":
        return atom(`${lines.use("h")}.clock`);
      case "reserved":
        return atom("0");
      case undefined: {
        const value = `${lines.use("h")}.user[${field.userIndex!}]!`;
        if (field.bits === undefined) return atom(value);
        return compound(field.bits === 32 ? `${value} >>> 0` : `${value} & ${2 ** field.bits - 1}`);
      }
      case "slice":
      case "more":
        return compound(`first?.${field.role} === true ? 1 : 0`);
      default: {
        const target = flagTargets[field.role];
        if (target === undefined) throw new Error(`role ${field.role} stands before frames only`);
        return compound(`${target} ? 1 : 0`);
      }
    }
  };
}

function sizeFunction(model: Model, module: Module): Func {
  const lines = new Lines(module);
  const value = writtenValue(model, lines);
  const groups = groupsOf(datagramFields(model), conditionOf(model, lines));
  // What every datagram begins with is where counting begins, if it is always as long.
  const { condition, items } = groups[0]!;
  const begins = condition === "" && items.every(({ bytes }) => bytes >= 0);
  lines.add(`let size = ${begins ? runBytes(items) : 0};`);
  for (const group of begins ? groups.slice(1) : groups) {
    lines.when(group.condition, () => sizeItems(lines, group.items, value));
  }
  lines.add("return size;");
  return {
    kind: "function",
    name: "size",
    exported: false,
    parameters: [{ name: lines.uses("h") ? "h" : "_h", type: module.type(WIRE, "DatagramHeader") }],
    returns: "number",
    body: lines.text,
    uses: lines.used,
    doc: "Bytes of all that stands once in a datagram.",
  };
}

/** Lists of fields that stand once in a datagram; each is read and written by functions of its own. */
type DatagramList = "clear" | "sealed";

/** A function of the codec that writes or reads one of the lists; only with the clear one goes the first frame. */
function listFunction(list: DatagramList, verb: "write" | "read", doc: string, lines: Lines): Func {
  const { module } = lines;
  const writes = verb === "write";
  const frame = module.type(WIRE, "FrameHeader");
  const first = { name: "first", type: writes ? `${frame} | undefined` : frame };
  return {
    kind: "function",
    name: verb + pascal(list),
    exported: false,
    parameters: [
      { name: "h", type: module.type(WIRE, "DatagramHeader") },
      ...(list === "clear" ? [first] : []),
      writes
        ? { name: "w", type: module.type(WIRE, "Writer") }
        : { name: "r", type: module.type(WIRE, "Reader") },
    ],
    returns: writes ? "void" : module.value(WIRE, "Violation"),
    body: lines.text,
    uses: lines.used,
    doc,
  };
}

function writeFunction(model: Model, list: DatagramList, module: Module): Func {
  const lines = new Lines(module);
  lines.add("const view = w.view;");
  if (list === "clear") {
    lines.add(`const wireId = first === undefined ? 1 : ${lines.use("wireIds")}[first.channel]!;`);
  }
  const value = writtenValue(model, lines);
  const names = new Names(["h", "first", "w", "view", "wireId", ...moduleNames]);
  for (const group of groupsOf(model.header[list], conditionOf(model, lines))) {
    lines.when(group.condition, () => writeItems(lines, names, group.items, value));
  }
  const doc =
    list === "clear"
      ? "Writes what a datagram begins with, readable in any session."
      : "Writes the rest of what stands once in a datagram, behind the clear part.";
  return listFunction(list, "write", doc, lines);
}

function readFunction(model: Model, list: DatagramList, module: Module): Func {
  const fields = model.header[list];
  const lines = new Lines(module);
  lines.add("const view = r.view;");
  if (list === "clear") {
    for (const [role, target] of Object.entries(flagTargets)) {
      if (!hasRole(fields, role as HeaderRole)) lines.add(`${target} = false;`);
    }
    if (hasRole(fields, "packet-number-high")) lines.add("let high = 0;");
  }
  for (const field of fields) {
    if (field.userIndex !== undefined && field.when.length > 0) {
      lines.add(`h.user[${field.userIndex}] = 0;`);
    }
  }
  const names = new Names([
    "h",
    "first",
    "r",
    "view",
    "wireId",
    "high",
    "ranges",
    "isNone",
    "isNamed",
    ...moduleNames,
  ]);
  const take = (field: HeaderFieldModel, raw: string) => takeField(lines, field, raw, model);
  for (const group of groupsOf(fields, conditionOf(model, lines))) {
    lines.when(group.condition, () => readItems(lines, names, group.items, take));
  }
  if (list === "clear") {
    flagRules(lines, fields);
    lines.add("return Violation.none;");
    return listFunction(list, "read", "Reads what `writeClear` writes.", lines);
  }
  lines.add(`return h.frames ? Violation.none : ${lines.wire("readPadding")}(h, r);`);
  const doc =
    "Reads what `writeSealed` writes. Behind that a datagram without frames has padding, or nothing.";
  return listFunction(list, "read", doc, lines);
}

/** One field of the datagram that was read. */
function takeField(lines: Lines, field: HeaderFieldModel, raw: string, model: Model): void {
  switch (field.role) {
    case "channel":
      lines.add(`const wireId = ${raw};`);
      return;
    case "packet-number-high":
      lines.add(`high = ${raw};`);
      return;
    case "packet-number": {
      const wide = hasRole(datagramFields(model), "packet-number-high");
      const low = 2 ** model.header.packetNumberBits;
      lines.add(`h.packetNumber = ${wide ? `high * ${low} + (${raw})` : raw};`);
      return;
    }
    case "session-tag":
      lines.add(`h.sessionTag = ${raw};`);
      return;
    case "ack-largest":
      lines.add(`h.acks.largest = ${raw};`);
      return;
    case "ack-delay":
      lines.add(`h.acks.delay = ${raw};`);
      return;
    case "ack-ranges":
      lines.add(`const ranges = ${lines.wire("readAckRanges")}(r, h.acks);`);
      lines.add("if (ranges !== Violation.none) return ranges;");
      return;
    case "ack-bits":
      lines.add(
        `${lines.wire("readAckWords")}(h.acks, ${raw}${field.type === "u64" ? "" : ", 0"});`,
      );
      return;
    case "receive-limit":
      lines.add(`h.receiveLimit = ${raw};`);
      return;
    case "clock":
      lines.add(`h.clock = ${raw};`);
      return;
    case "reserved":
      lines.add(`if ((${raw}) !== 0) return Violation.reservedBits;`);
      return;
    case "key-phase":
      if (model.security === "sealed") lines.add(`h.keyPhase = ${raw};`);
      else {
        lines.add(`if (${raw}) return Violation.reservedBits; // a plain session has no keys`);
        lines.add("h.keyPhase = false;");
      }
      return;
    case undefined:
      lines.add(`h.user[${field.userIndex!}] = ${field.bits === 1 ? `Number(${raw})` : raw};`);
      if (field.type === "f32" || field.type === "f64") {
        const finite = `Number.isFinite(h.user[${field.userIndex!}])`;
        lines.add(`if (!${finite}) return Violation.reservedBits;`);
      }
      return;
    default:
      lines.add(`${flagTargets[field.role]} = ${raw};`);
  }
}

/** Which flags go together, and what the channel in front means. */
function flagRules(lines: Lines, fields: readonly HeaderFieldModel[]): void {
  const first = firstFrameFlags.flatMap((role) =>
    hasRole(fields, role) ? [flagTargets[role]!] : [],
  );
  if (first.length > 0) {
    const either = first.length > 1 ? `(${first.join(" || ")})` : first[0]!;
    lines.add(`if (${either} && !h.frames) return Violation.flags;`);
  }
  if (hasRole(fields, "limit")) lines.add("if (h.limit && !h.ack) return Violation.flags;");
  lines.add("if (!h.ack && !h.ackNow && !h.frames) return Violation.flags;");
  lines.add("first.channel = channelOf(wireId);");
  // Without frames, 1 need not be a channel; only who asks for an ack may name another one, whose limit it wants.
  lines.add("const isNone = !h.frames && wireId === 1;");
  lines.add("const isNamed = first.channel >= 0 && (h.frames || h.ackNow);");
  lines.add("if (!isNone && !isNamed) return Violation.unknownChannel;");
}

const userRanges = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u24: [0, 0xff_ffff],
  u32: [0, 0xffff_ffff],
  i8: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  f32: [-(2 - 2 ** -23) * 2 ** 127, (2 - 2 ** -23) * 2 ** 127],
  f64: [-Number.MAX_VALUE, Number.MAX_VALUE],
  varint: [0, Number.MAX_SAFE_INTEGER],
} as const;

/** The user's own fields, by their index. */
export function userFieldsOf(model: Model): HeaderFieldModel[] {
  return datagramFields(model)
    .filter((f) => f.userIndex !== undefined)
    .sort((a, b) => a.userIndex! - b.userIndex!);
}

function codecText(model: Model, module: Module): string {
  const { header } = model;
  const user = userFieldsOf(model).map((field) => {
    const type = field.type;
    if (type === "ack-ranges" || type === "u64") {
      throw new Error(`header field ${field.name} cannot be the user's`);
    }
    const range = type === undefined ? [0, 2 ** field.bits! - 1] : userRanges[type];
    const fraction = type === "f32" || type === "f64";
    const name = `name: ${quote(field.name)}`;
    return `{ ${name}, min: ${range[0]}, max: ${range[1]}, fraction: ${fraction} }`;
  });
  const out = new Lines();
  out.block(
    `export const header: ${module.type("stardust-udp/protocol", "HeaderCodec")} =`,
    () => {
      if (user.length === 0) out.add("userFields: [],");
      else out.add("userFields: [", ...user.map((text) => `  ${text},`), "],");
      out.add(
        `packetNumberBits: ${header.packetNumberBits},`,
        `widePacketNumberBits: ${header.widePacketNumberBits},`,
        `hasSessionTag: ${hasRole(header.clear, "session-tag")},`,
        ...(hasRole(header.sealed, "clock") ? ["hasClock: true,"] : []),
        `ackBits: ${header.ackBits},`,
        ...(header.ackFieldBits === undefined ? [] : [`ackFieldBits: ${header.ackFieldBits},`]),
        `messageNumberBits: ${header.messageNumberBits},`,
        "size,",
        "writeClear,",
        "writeSealed,",
        "readClear,",
        "readSealed,",
        "frameSize,",
        "writeFrame,",
        "readFrame,",
      );
    },
    ";",
  );
  return `/** The header layout of this protocol. */\n${out.text}`;
}
