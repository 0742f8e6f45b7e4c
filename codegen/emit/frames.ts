/**
 * The functions of `header.ts` for what stands before each payload: `frameSize`, `writeFrame`, `readFrame`. There is one
 * way to write each frame, and the reader refuses all others.
 */
import type { HeaderFieldModel, HeaderRole, Model } from "../model/model.ts";
import { hasRole, moduleNames } from "./header.ts";
import { type Group, groupsOf, readItems, sizeItems, writeItems } from "./header-fields.ts";
import type { Func } from "./source.ts";
import { Lines, Names } from "./text.ts";

export function frameFunctions(model: Model): Func[] {
  return [
    mostFunction(),
    frameSizeFunction(model),
    writeFrameFunction(model),
    readFrameFunction(model),
  ];
}

/** What may have grown in another version has another bound: model/channels.ts says which. */
function mostFunction(): Func {
  return {
    kind: "function",
    name: "most",
    exported: false,
    parameters: [{ name: "frame", type: "FrameHeader" }],
    returns: "number",
    body: "return (frame.compat ? compatMaxBytes : maxBytes)[frame.channel]!;",
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

/** When a field of a frame is there: what the spec says, and what its role implies. */
function conditionOf(model: Model, mode: Mode): (field: HeaderFieldModel) => string {
  const fields = model.header.frame;
  const follows = mode === "read" ? "!isFirst" : "previous !== undefined";
  return (field) => {
    const all: string[] = [];
    if (field.bits !== undefined || field.role === "channel") all.push(follows);
    if (field.role === "channel" && hasRole(fields, "same-channel")) all.push("!same");
    for (const name of field.when) {
      if (name === "numbered") all.push("numbered[channel] === 1");
      else if (name === "unsized")
        all.push("(frame.slice || frame.compat || fixedBytes[channel]! < 0)");
      else all.push(flagText(model, field, name));
    }
    if (field.role === "message-number" && hasRole(fields, "consecutive")) {
      all.push("!consecutive");
    }
    return all.join(" && ");
  };
}

function flagText(model: Model, field: HeaderFieldModel, name: string): string {
  const flag =
    model.header.frame.find((f) => f.name === name) ??
    model.header.clear.find((f) => f.name === name);
  const text = flag?.role === undefined ? undefined : flagTexts[flag.role];
  if (text === undefined) throw new Error(`header field ${field.name}: no condition ${name} here`);
  return text;
}

function modulo(value: string, bits: number): string {
  return bits >= 32 ? `(${value}) >>> 0` : `(${value}) & ${2 ** bits - 1}`;
}

/** Locals that say which of the short forms apply to a frame that is to be written. */
function shortForms(lines: Lines, model: Model): void {
  const fields = model.header.frame;
  lines.add("const channel = frame.channel;");
  if (!hasRole(fields, "same-channel") && !hasRole(fields, "consecutive")) return;
  lines.add("const same = previous !== undefined && previous.channel === channel;");
  if (!hasRole(fields, "consecutive")) return;
  const step = modulo("frame.number - previous.number", model.header.messageNumberBits);
  lines.add("const consecutive =", `  same && numbered[channel] === 1 && (${step}) === 1;`);
}

function valueText(field: HeaderFieldModel): string {
  switch (field.role) {
    case "channel":
      return "wireIds[channel]!";
    case "message-number":
      return "frame.number";
    case "slice-index":
      return "frame.sliceIndex";
    case "slice-count":
      return "frame.sliceCount";
    case "length":
      return "frame.payloadBytes";
    case "reserved":
      return "0";
    default: {
      const text = field.role === undefined ? undefined : flagTexts[field.role];
      if (text === undefined) throw new Error(`header field ${field.name} cannot stand in a frame`);
      return `(${text} ? 1 : 0)`;
    }
  }
}

function groups(model: Model, mode: Mode): Group[] {
  return groupsOf(model.header.frame, conditionOf(model, mode));
}

/** Drops locals that the layout makes no use of. */
function needed(lines: Lines): string {
  let text = lines.text;
  for (const name of ["same", "channel"]) {
    const uses = text.match(new RegExp(`(?<![\\w.$])${name}(?!\\w)`, "g"))?.length ?? 0;
    if (uses === 1) text = text.replace(new RegExp(`^(const|let) ${name} = .*\n`, "m"), "");
  }
  return text;
}

function frameSizeFunction(model: Model): Func {
  const lines = new Lines();
  shortForms(lines, model);
  lines.add("let size = 0;");
  for (const group of groups(model, "write")) {
    lines.when(group.condition, () => sizeItems(lines, group.items, valueText));
  }
  lines.add("return size;");
  return {
    kind: "function",
    name: "frameSize",
    exported: false,
    parameters: [
      { name: "frame", type: "FrameHeader" },
      { name: lines.uses("previous") ? "previous" : "_previous", type: "FrameHeader | undefined" },
    ],
    returns: "number",
    body: needed(lines),
    doc: "Bytes of a frame's header behind the frame `previous`.",
  };
}

function writeFrameFunction(model: Model): Func {
  const lines = new Lines();
  const names = new Names([
    ..."frame previous w view channel same consecutive".split(" "),
    ...moduleNames,
  ]);
  shortForms(lines, model);
  for (const group of groups(model, "write")) {
    lines.when(group.condition, () => writeItems(lines, names, group.items, valueText));
  }
  const view = lines.uses("view") ? "const view = w.view;\n" : "";
  return {
    kind: "function",
    name: "writeFrame",
    exported: false,
    parameters: [
      { name: "frame", type: "FrameHeader" },
      { name: lines.uses("previous") ? "previous" : "_previous", type: "FrameHeader | undefined" },
      { name: lines.uses("w") ? "w" : "_w", type: "Writer" },
    ],
    returns: "void",
    body: view + needed(lines),
    doc: "Writes a frame's header.",
  };
}

function readFrameFunction(model: Model): Func {
  const fields = model.header.frame;
  const lines = new Lines();
  const names = new Names([
    ..."frame isFirst r view channel same consecutive length room fixed last".split(" "),
    ..."before number payloadBytes".split(" "),
    ...moduleNames,
  ]);
  const hasSame = hasRole(fields, "same-channel");
  const hasConsecutive = hasRole(fields, "consecutive");
  lines.add("const view = r.view;", "let channel = frame.channel;");
  if (hasSame || hasConsecutive) lines.add("let same = false;");
  if (hasConsecutive) lines.add("let consecutive = false;");
  if (hasRole(fields, "length")) lines.add("let length = -1;");
  const last = lastOf(fields, "slice-index", "slice-count");
  const afterChannel = consecutiveRules(model);
  for (const group of groups(model, "read")) {
    lines.when(group.condition, () => {
      readItems(lines, names, group.items, (field, raw) => {
        takeField(lines, field, raw, model);
        if (field === last) sliceRules(lines, model);
      });
    });
    const channel = group.items.some((item) => item.fields.some((f) => f.role === "channel"));
    if (channel) lines.add(...afterChannel);
  }
  payloadRules(lines, model);
  return {
    kind: "function",
    name: "readFrame",
    exported: false,
    parameters: [
      { name: "frame", type: "FrameHeader" },
      { name: "isFirst", type: "boolean" },
      { name: "r", type: "Reader" },
    ],
    returns: "Violation",
    body: needed(lines),
    doc: "Reads a frame's header; `frame` holds the one before, or what `read` found out about the first.",
  };
}

function lastOf(fields: readonly HeaderFieldModel[], ...roles: HeaderRole[]): unknown {
  return fields.filter((f) => f.role !== undefined && roles.includes(f.role)).at(-1);
}

/** Behind the channel: the number that is not written follows from the frame before. */
function consecutiveRules(model: Model): string[] {
  if (!hasRole(model.header.frame, "consecutive")) return [];
  return [
    "if (consecutive) {",
    "  if (!same || numbered[channel] !== 1) return Violation.flags;",
    `  frame.number = ${modulo("frame.number + 1", model.header.messageNumberBits)};`,
    "}",
  ];
}

function takeField(lines: Lines, field: HeaderFieldModel, raw: string, model: Model): void {
  const fields = model.header.frame;
  switch (field.role) {
    case "channel":
      lines.add(
        `channel = channelOf(${raw});`,
        "if (channel < 0) return Violation.unknownChannel;",
      );
      if (hasRole(fields, "same-channel")) {
        lines.add("if (channel === frame.channel) return Violation.nonMinimal; // `same` says so");
      } else if (hasRole(fields, "consecutive")) lines.add("same = channel === frame.channel;");
      lines.add("frame.channel = channel;");
      return;
    case "message-number": {
      if (!hasRole(fields, "consecutive")) {
        lines.add(`frame.number = ${raw};`);
        return;
      }
      const next = modulo("frame.number + 1", model.header.messageNumberBits);
      lines.add(`const number = ${raw};`);
      const numbered = field.when.includes("numbered") ? "" : "numbered[channel] === 1 && ";
      lines.add(`if (same && ${numbered}number === (${next})) {`);
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
      lines.add(`${text} = ${raw};`);
    }
  }
}

function sliceRules(lines: Lines, model: Model): void {
  const { sliceBytes } = model.limits;
  lines.add(
    "if (fragments[channel] !== 1) return Violation.sliceBounds;",
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
    `const fixed = ${free} ? -1 : fixedBytes[channel]!;`,
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
