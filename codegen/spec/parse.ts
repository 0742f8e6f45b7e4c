/**
 * A whole spec: the tree of node.ts to the SpecAst. Everything that can be said about the structure is said here, all
 * of it at once. editor-schema.ts says the same to editors; a test holds the two against each other.
 */
import { type Artefact, artefacts } from "../model/artefacts.ts";
import { ciphers, securities } from "../model/security.ts";
import type { SpecAst } from "./ast.ts";
import { MAX_CHANNEL_ID } from "./bounds.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import { expectInteger, expectText, Fields } from "./fields.ts";
import { describeNode, type Node, quote } from "./node.ts";
import { parseChannels } from "./parse-channels.ts";
import { parseHeader } from "./parse-header.ts";
import { parseLimits } from "./parse-limits.ts";
import { parseSystem } from "./parse-system.ts";
import { TypeParser } from "./parse-types.ts";
import { parseZero } from "./parse-zero.ts";
import { generateSection, protocolSection, reservedSection, specSection } from "./sections.ts";
import type { Span } from "./source.ts";
import { parseWord } from "./words.ts";

const MAX_PROTOCOL_NAME = 64;

/** Undefined where a part is missing without which nothing can be resolved. */
export function parseSpec(root: Node, d: Diagnostics): SpecAst | undefined {
  const fields = Fields.of(root, specSection, "the spec", d);
  if (fields === undefined) return undefined;
  parseFormat(fields, d);
  const protocol = parseProtocol(fields, d);
  const security = parseSecurity(fields, d);
  const limits = parseLimits(fields.map("limits"), d);
  const limitsSpan = fields.entry("limits")?.keySpan ?? fields.span;
  const types = new TypeParser(limits, d);
  const headerNode = fields.map("header");
  const header = headerNode && parseHeader(headerNode, d);
  const typesNode = fields.map("types");
  const typeList = typesNode ? types.types(typesNode) : [];
  const channelsEntry = fields.entry("channels");
  const channelsNode = fields.map("channels");
  if (channelsEntry && channelsNode?.entries.length === 0) {
    d.report("SD1210", channelsEntry.keySpan, {});
  }
  const channels = channelsNode ? parseChannels(channelsNode, types, d) : [];
  const systemNode = fields.map("system");
  const system = systemNode ? parseSystem(systemNode, types, d) : [];
  const zeroNode = fields.map("zero");
  const zero = zeroNode ? parseZero(zeroNode, d) : [];
  const reserved = parseReserved(fields, d);
  const wanted = parseGenerate(fields, d);
  fields.finish();
  if (protocol === undefined) return undefined;
  return {
    ...protocol,
    ...security,
    limits,
    limitsSpan,
    ...(header ? { header } : {}),
    types: typeList,
    channels,
    system,
    zero,
    reserved,
    artefacts: wanted,
  };
}

function parseFormat(fields: Fields, d: Diagnostics): void {
  const entry = fields.entry("stardust");
  if (entry === undefined) return;
  const node = entry.value;
  if (node.kind === "scalar" && node.value === 1) return;
  d.report("SD1105", node.span, { actual: describeNode(node) });
}

function parseProtocol(
  fields: Fields,
  d: Diagnostics,
): { name: string; version: number; doc?: string } | undefined {
  const node = fields.map("protocol");
  if (node === undefined) return undefined;
  const inner = new Fields(node, protocolSection, "`protocol`", d);
  const nameEntry = inner.entry("name");
  const name = inner.text("name");
  // No identifier is made of it, but files and titles are: so dashes are fine.
  const good = name !== undefined && /^[A-Za-z][A-Za-z0-9_-]*$/.test(name);
  if (name !== undefined && (!good || name.length > MAX_PROTOCOL_NAME)) {
    const place = "a protocol (where - is fine too)";
    const params = { name: quote(name), place, limit: MAX_PROTOCOL_NAME };
    d.report("SD1106", nameEntry!.value.span, params);
  }
  const version = inner.integer("version") ?? 1;
  const doc = inner.text("doc");
  inner.finish();
  if (name === undefined) return undefined;
  return { name, version, ...(doc === undefined ? {} : { doc }) };
}

function parseSecurity(
  fields: Fields,
  d: Diagnostics,
): Pick<SpecAst, "security" | "saysSecurity" | "cipher"> {
  const cipherSpan = fields.entry("cipher")?.keySpan;
  const cipher = parseWord(fields, "cipher", ciphers, "a cipher", d) ?? ciphers[0];
  const saysSecurity = fields.entry("security") !== undefined;
  const what = "a kind of security";
  const security = parseWord(fields, "security", securities, what, d) ?? securities[0];
  if (security === "sealed") return { security, saysSecurity, cipher };
  if (cipherSpan !== undefined) d.report("SD1112", cipherSpan, {});
  return { security, saysSecurity };
}

function parseReserved(fields: Fields, d: Diagnostics): Map<number, Span> {
  const reserved = new Map<number, Span>();
  const node = fields.map("reserved");
  if (node === undefined) return reserved;
  const inner = new Fields(node, reservedSection, "`reserved`", d);
  for (const item of inner.list("channels")?.items ?? []) {
    const id = expectInteger(item, "a reserved id", 0, MAX_CHANNEL_ID, d);
    if (id !== undefined) reserved.set(id, item.span);
  }
  inner.finish();
  return reserved;
}

function parseGenerate(fields: Fields, d: Diagnostics): Artefact[] {
  const wanted = new Map<Artefact, Span>();
  const node = fields.map("generate");
  if (node === undefined) return [];
  const inner = new Fields(node, generateSection, "`generate`", d);
  for (const item of inner.list("with")?.items ?? []) {
    const word = expectText(item, "a thing to generate", d);
    if (word === undefined) continue;
    const artefact = artefacts.find((known) => known === word);
    const before = artefact && wanted.get(artefact);
    if (artefact === undefined) {
      const params = { value: quote(word), what: "a thing to generate" };
      d.report("SD1108", item.span, params, { suggestion: suggest(word, artefacts) });
    } else if (before !== undefined) {
      d.report("SD1110", item.span, { word, line: d.source.position(before.start).line });
    } else wanted.set(artefact, item.span);
  }
  inner.finish();
  return [...wanted.keys()];
}
