/**
 * The functions of `header.ts` for what stands before each payload: `frameSize`, `writeFrame`, `readFrame`. There is one
 * way to write each frame, and the reader refuses all others.
 */
import { conditionField, hasRole } from "../model/header-roles.ts";
import type { HeaderFieldModel, HeaderRole, Model } from "../model/model.ts";
import type { Func, Parameter } from "../print/declarations.ts";
import { atom, compound, type Expression } from "../print/expression.ts";
import { type Module, WIRE } from "../print/module.ts";
import { Lines, Names } from "../print/text.ts";
import {
  type Group,
  groupsOf,
  moduleNames,
  readItems,
  sizeItems,
  type Value,
  writeItems,
} from "./header-fields.ts";

export function frameFunctions(model: Model, module: Module): Func[] {
  return [
    mostFunction(module),
    frameSizeFunction(model, module),
    writeFrameFunction(model, module),
    readFrameFunction(model, module),
  ];
}

/** What may have grown in another version has another bound: model/channels.ts says which. */
function mostFunction(module: Module): Func {
  const lines = new Lines();
  const tables = `${lines.use("compatMaxBytes")} : ${lines.use("maxBytes")}`;
  return {
    kind: "function",
    name: "most",
    exported: false,
    parameters: [{ name: "frame", type: module.type(WIRE, "FrameHeader") }],
    returns: "number",
    body: `return (frame.compat ? ${tables})[frame.channel]!;`,
    uses: lines.used,
    doc: "The largest message of a frame's channel.",
  };
}

type Mode = "read" | "write";

const flagTexts: Partial<Record<HeaderRole, string>> = {
  slice: "frame.slice",
  more: "frame.more",
  "same-channel": "same",
  consecutive: "consecutive",
};

/** The condition under which a frame has a field, as an expression: what the spec says, and what its role implies. */
function conditionOf(model: Model, mode: Mode, lines: Lines): (field: HeaderFieldModel) => string {
  const fields = model.header.frame;
  const follows = () => (mode === "read" ? "!isFirst" : `${lines.use("previous")} !== undefined`);
  return (field) => {
    const all: string[] = [];
    if (field.bits !== undefined || field.role === "channel") all.push(follows());
    if (field.role === "channel" && hasRole(fields, "same-channel")) {
      all.push(`!${lines.use("same")}`);
    }
    for (const name of field.when) {
      if (name === "numbered") all.push(numberedText(lines));
      else if (name === "unsized")
        all.push(`(frame.slice || frame.compat || ${ofChannel("fixedBytes", lines)}! < 0)`);
      else all.push(flagText(model, field, name, lines));
    }
    if (field.role === "message-number" && hasRole(fields, "consecutive")) {
      all.push(`!${lines.use("consecutive")}`);
    }
    return all.join(" && ");
  };
}

/** The entry of a per-channel table for the frame's channel. */
function ofChannel(table: string, lines: Lines): string {
  return `${lines.use(table)}[${lines.use("channel")}]`;
}

function numberedText(lines: Lines): string {
  return `${ofChannel("numbered", lines)} === 1`;
}

function flagText(model: Model, field: HeaderFieldModel, name: string, lines: Lines): string {
  const flag = conditionField(name, model.header.frame, model.header.clear);
  const text = flag?.role === undefined ? undefined : flagTexts[flag.role];
  if (text === undefined) throw new Error(`header field ${field.name}: no condition ${name} here`);
  return lines.use(text);
}

function modulo(value: string, bits: number): string {
  return bits >= 32 ? `(${value}) >>> 0` : `(${value}) & ${2 ** bits - 1}`;
}

/** The body behind declarations of the locals that say which short forms apply to a frame to be written. */
function withShortForms(body: Lines, model: Model): string[] {
  const head: string[] = [];
  if (body.uses("consecutive")) {
    const step = modulo("frame.number - previous.number", model.header.messageNumberBits);
    const numbered = numberedText(body);
    head.push("const consecutive =", `  ${body.use("same")} && ${numbered} && (${step}) === 1;`);
  }
  if (body.uses("same")) {
    const previous = body.use("previous");
    const channel = body.use("channel");
    head.unshift(`const same = ${previous} !== undefined && ${previous}.channel === ${channel};`);
  }
  if (body.uses("channel")) head.unshift("const channel = frame.channel;");
  return head;
}

function writtenValue(field: HeaderFieldModel, lines: Lines): Expression {
  switch (field.role) {
    case "channel":
      return atom(`${ofChannel("wireIds", lines)}!`);
    case "message-number":
      return atom("frame.number");
    case "slice-index":
      return atom("frame.sliceIndex");
    case "slice-count":
      return atom("frame.sliceCount");
    case "length":
      return atom("frame.payloadBytes");
    case "reserved":
      return atom("0");
    default: {
      const text = field.role === undefined ? undefined : flagTexts[field.role];
      if (text === undefined) throw new Error(`header field ${field.name} cannot stand in a frame`);
      return compound(`${lines.use(text)} ? 1 : 0`);
    }
  }
}

function groups(model: Model, mode: Mode, lines: Lines): Group[] {
  return groupsOf(model.header.frame, conditionOf(model, mode, lines));
}

function frameSizeFunction(model: Model, module: Module): Func {
  const lines = new Lines(module);
  lines.add("let size = 0;");
  for (const group of groups(model, "write", lines)) {
    const value: Value = (field) => writtenValue(field, lines);
    lines.when(group.condition, () => sizeItems(lines, group.items, value));
  }
  lines.add("return size;");
  const head = withShortForms(lines, model);
  return {
    kind: "function",
    name: "frameSize",
    exported: false,
    parameters: [frameParameter(module), previousParameter(lines)],
    returns: "number",
    body: [...head, lines.text].join("\n"),
    uses: lines.used,
    doc: "Bytes of a frame's header behind the frame `previous`.",
  };
}

function frameParameter(module: Module): Parameter {
  return { name: "frame", type: module.type(WIRE, "FrameHeader") };
}

function previousParameter(lines: Lines): Parameter {
  const name = lines.uses("previous") ? "previous" : "_previous";
  return { name, type: `${lines.module.type(WIRE, "FrameHeader")} | undefined` };
}

function writeFrameFunction(model: Model, module: Module): Func {
  const lines = new Lines(module);
  const names = new Names([
    ..."frame previous w view channel same consecutive".split(" "),
    ...moduleNames,
  ]);
  for (const group of groups(model, "write", lines)) {
    const value: Value = (field) => writtenValue(field, lines);
    lines.when(group.condition, () => writeItems(lines, names, group.items, value));
  }
  const view = lines.uses("view") ? [`const view = ${lines.use("w")}.view;`] : [];
  const head = withShortForms(lines, model);
  return {
    kind: "function",
    name: "writeFrame",
    exported: false,
    parameters: [
      frameParameter(module),
      previousParameter(lines),
      { name: lines.uses("w") ? "w" : "_w", type: module.type(WIRE, "Writer") },
    ],
    returns: "void",
    body: [...view, ...head, lines.text].join("\n"),
    uses: lines.used,
    doc: "Writes a frame's header.",
  };
}

function readFrameFunction(model: Model, module: Module): Func {
  const fields = model.header.frame;
  const lines = new Lines(module);
  const names = new Names([
    ..."frame isFirst r view channel same consecutive length room fixed last".split(" "),
    ..."before number payloadBytes".split(" "),
    ...moduleNames,
  ]);
  const last = lastOf(fields, "slice-index", "slice-count");
  for (const group of groups(model, "read", lines)) {
    lines.when(group.condition, () => {
      readItems(lines, names, group.items, (field, raw) => {
        takeField(lines, field, raw, model);
        if (field === last) sliceRules(lines, model);
      });
    });
    const channel = group.items.some((item) => item.fields.some((f) => f.role === "channel"));
    if (channel) consecutiveRules(lines, model);
  }
  payloadRules(lines, model);
  const head = [
    "const view = r.view;",
    ...(lines.uses("channel") ? ["let channel = frame.channel;"] : []),
    ...(lines.uses("same") ? ["let same = false;"] : []),
    ...(hasRole(fields, "consecutive") ? ["let consecutive = false;"] : []),
    ...(hasRole(fields, "length") ? ["let length = -1;"] : []),
  ];
  return {
    kind: "function",
    name: "readFrame",
    exported: false,
    parameters: [
      frameParameter(module),
      { name: "isFirst", type: "boolean" },
      { name: "r", type: module.type(WIRE, "Reader") },
    ],
    returns: module.value(WIRE, "Violation"),
    body: [...head, lines.text].join("\n"),
    uses: lines.used,
    doc: "Reads a frame's header; `frame` holds the one before, or what `readClear` found out about the first.",
  };
}

function lastOf(fields: readonly HeaderFieldModel[], ...roles: HeaderRole[]): unknown {
  return fields.filter((f) => f.role !== undefined && roles.includes(f.role)).at(-1);
}

/** Behind the channel: the number that is not written follows from the frame before. */
function consecutiveRules(lines: Lines, model: Model): void {
  if (!hasRole(model.header.frame, "consecutive")) return;
  const numbered = `${ofChannel("numbered", lines)} !== 1`;
  lines.add(
    "if (consecutive) {",
    `  if (!${lines.use("same")} || ${numbered}) return Violation.flags;`,
    `  frame.number = ${modulo("frame.number + 1", model.header.messageNumberBits)};`,
    "}",
  );
}

function takeField(lines: Lines, field: HeaderFieldModel, raw: string, model: Model): void {
  const fields = model.header.frame;
  switch (field.role) {
    case "channel":
      lines.add(
        `${lines.use("channel")} = channelOf(${raw});`,
        "if (channel < 0) return Violation.unknownChannel;",
      );
      if (hasRole(fields, "same-channel")) {
        lines.add("if (channel === frame.channel) return Violation.nonMinimal; // `same` says so");
      } else if (hasRole(fields, "consecutive")) {
        lines.add(`${lines.use("same")} = channel === frame.channel;`);
      }
      lines.add("frame.channel = channel;");
      return;
    case "message-number": {
      if (!hasRole(fields, "consecutive")) {
        lines.add(`frame.number = ${raw};`);
        return;
      }
      const next = modulo("frame.number + 1", model.header.messageNumberBits);
      lines.add(`const number = ${raw};`);
      const numbered = field.when.includes("numbered") ? "" : `${numberedText(lines)} && `;
      lines.add(`if (${lines.use("same")} && ${numbered}number === (${next})) {`);
      lines.add("  return Violation.nonMinimal; // `consecutive` says so", "}");
      lines.add("frame.number = number;");
      return;
    }
    case "slice-index":
      lines.add(`frame.sliceIndex = ${raw};`);
      return;
    case "slice-count":
      lines.add(`frame.sliceCount = ${raw};`);
      return;
    case "length":
      lines.add(`length = ${raw};`);
      return;
    case "reserved":
      lines.add(`if ((${raw}) !== 0) return Violation.reservedBits;`);
      return;
    default: {
      const text = field.role === undefined ? undefined : flagTexts[field.role];
      if (text === undefined) throw new Error(`header field ${field.name} cannot stand in a frame`);
      lines.add(`${lines.use(text)} = ${raw};`);
    }
  }
}

function sliceRules(lines: Lines, model: Model): void {
  const { sliceBytes } = model.limits;
  lines.add(
    `if (${ofChannel("fragments", lines)} !== 1) return Violation.sliceBounds;`,
    "if (frame.sliceCount < 2 || frame.sliceIndex >= frame.sliceCount) return Violation.sliceBounds;",
    `if ((frame.sliceCount - 1) * ${sliceBytes} >= most(frame)) return Violation.sliceBounds;`,
  );
}

/** Where the payload ends, and whether a message of this channel can be that long. */
function payloadRules(lines: Lines, model: Model): void {
  const { sliceBytes } = model.limits;
  const hasLength = hasRole(model.header.frame, "length");
  const slices = hasRole(model.header.frame, "slice-count");
  const free = slices ? "frame.slice || frame.compat" : "frame.compat";
  if (!slices) lines.add("if (frame.slice) return Violation.sliceBounds;");
  lines.add(
    "const room = r.end - r.at;",
    `const fixed = ${free} ? -1 : ${ofChannel("fixedBytes", lines)}!;`,
    "let payloadBytes = frame.more && fixed >= 0 ? fixed : room;",
  );
  if (hasLength) lines.add("if (length >= 0) payloadBytes = length;");
  lines.add(
    "if (payloadBytes > room) return Violation.truncated;",
    "if (!frame.more && payloadBytes !== room) return Violation.payloadSize;",
  );
  const whole = () => {
    lines.add("if (fixed >= 0 ? payloadBytes !== fixed : payloadBytes > most(frame)) {");
    lines.add("  return Violation.payloadSize;", "}");
  };
  if (slices) {
    lines.block("if (frame.slice)", () => {
      lines.add(
        `if (payloadBytes < 1 || payloadBytes > ${sliceBytes}) return Violation.payloadSize;`,
        "const last = frame.sliceIndex === frame.sliceCount - 1;",
        `if (!last && payloadBytes !== ${sliceBytes}) return Violation.payloadSize;`,
        `const before = frame.sliceIndex * ${sliceBytes};`,
        "if (before + payloadBytes > most(frame)) return Violation.payloadSize;",
      );
    });
    lines.chain("else", whole);
  } else whole();
  lines.add(
    "frame.payloadStart = r.at;",
    "frame.payloadBytes = payloadBytes;",
    "r.at += payloadBytes;",
    "return Violation.none;",
  );
}
