/**
 * The section `channels`: structure and the defaults that need nothing else. What depends on the size of a message is
 * model/channels.ts's.
 */
import {
  type Delivery,
  deliveries,
  directions,
  isReliable,
  requestDeliveries,
} from "../model/delivery.ts";
import type { ChannelOptions } from "../model/model.ts";
import type { ChannelAst, RequestAst, TypeExpr } from "./ast.ts";
import { MAX_CHANNEL_ID } from "./bounds.ts";
import type { DiagnosticCode, Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import { expectMap, Fields, wordList } from "./fields.ts";
import { checkChannelName } from "./names.ts";
import { describeNode, type Entry, type MapNode, quote } from "./node.ts";
import { parseChoices, type VariantTypes } from "./parse-choices.ts";
import { parseDocs } from "./parse-docs.ts";
import type { TypeParser } from "./parse-types.ts";
import {
  channelSection,
  errorSection,
  gapMsByDefault,
  priorityByDefault,
  requestDelivery,
} from "./sections.ts";

export function parseChannels(node: MapNode, types: TypeParser, d: Diagnostics): ChannelAst[] {
  const channels: ChannelAst[] = [];
  for (const entry of node.entries) {
    const channel = parseChannel(entry, types, d);
    if (channel) channels.push(channel);
  }
  return channels;
}

function parseChannel(entry: Entry, types: TypeParser, d: Diagnostics): ChannelAst | undefined {
  const { key: name, keySpan: span } = entry;
  checkChannelName(name, span, d);
  const fields = Fields.of(entry.value, channelSection, `channel \`${name}\``, d);
  if (fields === undefined) return undefined;
  const docs = parseDocs(fields, span, d);
  const id = parseId(fields, d);
  const asks = fields.has("response");
  const delivery = parseDelivery(fields, asks, d);
  const direction = parseWord(fields, "direction", directions, "SD1204", d) ?? "both";
  const priority = fields.integer("priority") ?? priorityByDefault;
  const weight = fields.integer("weight") ?? 1;
  const reliable = delivery !== undefined && isReliable(delivery);
  const fragment = fields.bool("fragment") ?? reliable;
  const compress = fields.bool("compress") ?? false;
  const maxBytes = parseBytes(fields, "maxBytes");
  const queueBytes = parseBytes(fields, "queueBytes");
  const options = parseOptions(fields, delivery, d);
  const notices = fields.bool("notices") ?? false;
  const extensible = parseExtensible(fields, d);
  const message = messageOf(fields, extensible, types, d);
  const request = parseRequest(fields, extensible, types, d);
  fields.finish();
  if (id === undefined || delivery === undefined || message === undefined) return undefined;
  return {
    name,
    span,
    docs,
    id: id.value,
    idSpan: id.span,
    delivery,
    direction,
    priority,
    weight,
    fragment,
    saysFragment: fields.has("fragment"),
    compress,
    ...(maxBytes ? { maxBytes } : {}),
    ...(queueBytes ? { queueBytes } : {}),
    ...options,
    ...(notices ? { notices } : {}),
    message,
    ...(request ? { request } : {}),
  };
}

/** It has to be said, unless the channel carries requests. */
function parseDelivery(fields: Fields, asks: boolean, d: Diagnostics): Delivery | undefined {
  if (!fields.has("delivery")) {
    if (asks) return requestDelivery;
    fields.missing("delivery");
    return undefined;
  }
  const delivery = parseWord(fields, "delivery", deliveries, "SD1203", d);
  if (asks && delivery !== undefined && !requestDeliveries.includes(delivery)) {
    const params = { those: wordList(requestDeliveries), delivery };
    d.report("SD1215", fields.entry("delivery")!.value.span, params);
  }
  return delivery;
}

/** What stands under `response` and `errors`; undefined where the channel carries plain messages. */
function parseRequest(
  fields: Fields,
  extensible: boolean,
  types: TypeParser,
  d: Diagnostics,
): RequestAst | undefined {
  const response = messageOf(fields, extensible, types, d, "response");
  const entry = fields.entry("errors");
  const node = fields.map("errors");
  const errors =
    entry && node && parseChoices(node, entry.keySpan, d, errorTypes(extensible, types, d));
  if (entry !== undefined && !fields.has("response")) {
    d.report("SD1216", entry.keySpan, { key: "errors", where: "without" });
  }
  const notices = fields.entry("notices");
  if (fields.has("response") && notices !== undefined && fields.bool("notices") === true) {
    d.report("SD1216", notices.keySpan, { key: "notices", where: "with" });
  }
  return response && { response, ...(errors ? { errors } : {}) };
}

function errorTypes(extensible: boolean, types: TypeParser, d: Diagnostics): VariantTypes {
  return {
    thing: "error",
    section: errorSection,
    plain: (node, place) => {
      expectMap(node, place, d);
      return undefined;
    },
    typed: (fields) => {
      const entry = fields.entry("message");
      const body = messageOf(fields, extensible, types, d);
      fields.finish();
      if (entry !== undefined) return body;
      return { kind: "struct", span: fields.span, members: [], extensible };
    },
  };
}

/** Options that only some deliveries have, each with those that have it. */
const optionDeliveries: Readonly<
  Record<Exclude<keyof ChannelOptions, "notices">, (delivery: Delivery) => boolean>
> = {
  maxAgeMs: (delivery) => !isReliable(delivery),
  maxGapMs: (delivery) => delivery === "unreliable-ordered",
  redundancy: isReliable,
};

function parseOptions(
  fields: Fields,
  delivery: Delivery | undefined,
  d: Diagnostics,
): ChannelOptions {
  const options: Record<string, number> = {};
  for (const [option, has] of Object.entries(optionDeliveries)) {
    const value = fields.integer(option);
    if (delivery === undefined) continue;
    if (value !== undefined && !has(delivery)) {
      const params = {
        option,
        delivery: `\`${delivery}\``,
        those: wordList(deliveries.filter(has)),
      };
      d.report("SD1212", fields.entry(option)!.keySpan, params);
    } else if (value !== undefined) options[option] = value;
  }
  if (delivery === "unreliable-ordered") options["maxGapMs"] ??= gapMsByDefault;
  return options;
}

function parseBytes(
  fields: Fields,
  key: string,
): { value: number; span: { start: number; end: number } } | undefined {
  const value = fields.integer(key);
  return value === undefined ? undefined : { value, span: fields.entry(key)!.value.span };
}

function parseId(fields: Fields, d: Diagnostics): ChannelAst["maxBytes"] {
  const node = fields.entry("id")?.value;
  if (node === undefined) return undefined;
  const value = node.kind === "scalar" ? node.value : undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) {
    const params = { place: "`id`", expected: "a whole number", actual: describeNode(node) };
    d.report("SD1103", node.span, params);
    return undefined;
  }
  if (value >= 0 && value <= MAX_CHANNEL_ID) return { value, span: node.span };
  d.report("SD1201", node.span, { high: MAX_CHANNEL_ID, actual: value });
  return undefined;
}

function parseWord<T extends string>(
  fields: Fields,
  key: string,
  words: readonly T[],
  code: Extract<DiagnosticCode, "SD1203" | "SD1204">,
  d: Diagnostics,
): T | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  const word = words.find((w) => w === text);
  if (word === undefined) {
    const span = fields.entry(key)!.value.span;
    const suggestion = suggest(text, words);
    const there = channelSection.properties[key]!["enum"] as readonly string[];
    const help = suggestion === undefined ? { help: `it is one of ${wordList(there)}` } : {};
    d.report(code, span, { value: quote(text) }, { suggestion, ...help });
  }
  return word;
}

/** Of the message, and of what answers it. */
function parseExtensible(fields: Fields, d: Diagnostics): boolean {
  const entry = fields.entry("extensible");
  const hasMembers = ["message", "response"].some((key) => fields.entry(key)?.value.kind === "map");
  if (entry !== undefined && !hasMembers) {
    d.report("SD1319", entry.keySpan, { found: "a name" });
  }
  return hasMembers && (fields.bool("extensible") ?? false);
}

/** What stands under `message`, or another key: members, or the name of a struct. */
export function messageOf(
  fields: Fields,
  extensible: boolean,
  types: TypeParser,
  d: Diagnostics,
  key: "message" | "response" = "message",
): TypeExpr | undefined {
  const entry = fields.entry(key);
  if (entry === undefined) return undefined;
  const { value, keySpan } = entry;
  if (value.kind === "map") {
    return { kind: "struct", span: keySpan, members: types.members(value), extensible };
  }
  if (value.kind === "scalar" && typeof value.value === "string") {
    return { kind: "ref", span: value.span, name: value.value };
  }
  const expected = "a map of members or the name of a struct";
  d.report("SD1103", value.span, { place: `\`${key}\``, expected, actual: describeNode(value) });
  return undefined;
}
