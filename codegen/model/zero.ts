/**
 * Zero messages of the model: the defaults of zero.yaml with what a spec says in their place, each held against what
 * the runtime needs, and the worst case of each as a whole datagram.
 */
import type { SpecAst, ZeroMessageAst } from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { suggest } from "../spec/distance.ts";
import { type Entry, type MapNode, type Node, quote, toData } from "../spec/node.ts";
import { canonicalJson } from "./canonical.ts";
import type { JsonSchema, ZeroMessageModel, ZeroModel } from "./model.ts";
import { securityNotes } from "./security.ts";
import { type Extent, schemaData, walkSchema } from "./zero-schema.ts";

/** The runtime's MAX_ZERO_JSON_DEPTH and MAX_ZERO_JSON_KEYS; a test holds them against each other. */
export const MAX_ZERO_DEPTH = 6;
export const MAX_ZERO_KEYS = 64;

/** Three zeros, the envelope with its largest numbers, an empty pad and the MAC, but for `msg`, `sys` and `body`. */
const ENVELOPE_BYTES: number =
  3 +
  `{"v":1,"cid":"${"x".repeat(22)}","msg":,"seq":9007199254740991,"ack":9007199254740991,"sys":,"body":,"pad":"","mac":"${"x".repeat(22)}"}`
    .length;
const ENVELOPE_KEYS = 9;
/** An Ed25519 signature and its name, in place of a MAC. */
const SIGNATURE_BYTES: number = `,"sig":"${"x".repeat(86)}"`.length;

/** The runtime's MAX_JOIN_BODY_BYTES and MAX_JOIN_PIECES; a test holds them against each other. */
export const MAX_BODY_BYTES = 8192;
export const MAX_PIECES = 64;
/** What a join says of a body that comes in pieces. */
const LARGE_BYTES: number = `,"pieces":64,"bytes":8192,"digest":"${"x".repeat(43)}"`.length;
/** A piece but for its data: hash, the largest version, a key, its number. */
const PIECE_BYTES: number =
  3 +
  `{"v":1,"cid":"${"x".repeat(22)}","msg":"join","seq":0,"ack":0,"sys":{"hash":"${"x".repeat(32)}","version":4294967295,"key":"${"x".repeat(43)}","piece":64,"data":""},"body":{}}`
    .length;

/** The runtime's (src/zero/secrets.ts). */
const SECRET_PAD_BYTES = 64;
const SEAL_TAG_BYTES = 16;

/** What zero.yaml says of a message beside what a spec may say. */
export interface ZeroFacts extends Pick<ZeroMessageModel, "hasBody" | "mac" | "seq" | "ack"> {
  /** Where security is sealed, it ends in a signature. */
  readonly sig: boolean;
  /** Members of sys that hold text of people's, which JSON may have to escape. All others are ASCII tokens. */
  readonly text: readonly string[];
  /** Members of sys that take what room is left, and are no part of the worst case. */
  readonly spare: readonly string[];
  /** Members of sys of a join whose body comes in pieces, or that is a piece; no part of the worst case either. */
  readonly large: readonly string[];
}

/** What zero.yaml says. */
export interface ZeroDefaults {
  readonly messages: readonly ZeroMessageAst[];
  /** By message, of each one. */
  readonly facts: Readonly<Record<string, ZeroFacts>>;
  /** By kind of security and message, members of sys that no other kind has. */
  readonly security: Readonly<
    Record<SpecAst["security"], Readonly<Record<string, readonly string[]>>>
  >;
  readonly states: ZeroModel["states"];
}

const emptySpan = { start: 0, end: 0 };
const emptyBody: MapNode = {
  kind: "map",
  span: emptySpan,
  entries: [
    {
      key: "type",
      keySpan: emptySpan,
      value: { kind: "scalar", span: emptySpan, value: "object" },
    },
  ],
};

export function resolveZero(spec: SpecAst, defaults: ZeroDefaults, d: Diagnostics): ZeroModel {
  const names = defaults.messages.map((message) => message.name);
  for (const message of spec.zero) {
    if (names.includes(message.name)) continue;
    const suggestion = suggest(message.name, names);
    if (suggestion === undefined && d.unsupported("zero-own-message", message.span)) continue;
    const params = { key: quote(message.name), place: "`zero`" };
    d.report("SD1101", message.span, params, { suggestion });
  }
  const messages = defaults.messages.map((standard) => {
    const own = spec.zero.find((message) => message.name === standard.name);
    const members = securityMembers(defaults, spec.security, standard.name);
    return resolveMessage(standard, members, defaults.facts[standard.name]!, own, spec, d);
  });
  return { messages, states: defaults.states };
}

/** Members of sys that the kind of security brings, and those that others bring. */
interface SecurityMembers {
  readonly own: readonly string[];
  readonly others: readonly string[];
}

function securityMembers(
  defaults: ZeroDefaults,
  security: SpecAst["security"],
  message: string,
): SecurityMembers {
  const own = defaults.security[security][message] ?? [];
  const all = Object.values(defaults.security).flatMap((messages) => messages[message] ?? []);
  return { own, others: all.filter((name) => !own.includes(name)) };
}

/** The sys of a message as one kind of security has it; what it requires stands in the order of the properties. */
function sysOf(sys: MapNode, { own, others }: SecurityMembers): MapNode {
  if (own.length === 0 && others.length === 0) return sys;
  const { properties = {}, required = [] } = toData(sys) as Record<string, object>;
  const needed = [...(required as string[]), ...own];
  const entries = sys.entries.map((entry): Entry => {
    const { key, value } = entry;
    if (key === "properties" && value.kind === "map") {
      const kept = value.entries.filter((member) => !others.includes(member.key));
      return { ...entry, value: { ...value, entries: kept } };
    }
    if (key !== "required" || value.kind !== "list") return entry;
    const items = Object.keys(properties)
      .filter((name) => needed.includes(name))
      .map((name): Node => ({ kind: "scalar", span: emptySpan, value: name }));
    return { ...entry, value: { ...value, items } };
  });
  return { ...sys, entries };
}

function resolveMessage(
  standard: ZeroMessageAst,
  members: SecurityMembers,
  facts: ZeroFacts,
  own: ZeroMessageAst | undefined,
  spec: SpecAst,
  d: Diagnostics,
): ZeroMessageModel {
  const from = standard.from!.name as ZeroMessageModel["from"];
  const { text, sig, spare, large, ...told } = facts;
  const isSigned = sig && spec.security === "sealed";
  const ownSys = sysOf(standard.sys!, members);
  if (own?.from && own.from.name !== from) {
    d.report("SD1503", own.from.span, { message: standard.name, expected: from });
  }
  const sysNode = own?.sys ?? ownSys;
  const bodyNode = own?.body ?? emptyBody;
  const standardSys = toData(ownSys) as JsonSchema;
  const tokens = new Set(memberNames(standardSys));
  for (const name of text) tokens.delete(name);
  const place = `zero message \`${standard.name}\``;
  const sys = walkSchema(sysNode, `the sys of ${place}`, {
    diagnostics: d,
    open: true,
    tokens,
    spare: new Set(spare),
    large: new Set(large),
  });
  const body = walkSchema(bodyNode, `the body of ${place}`, {
    diagnostics: d,
    open: false,
    tokens: new Set(),
    ...(standard.name === "join" && { secrets: noSecrets(spec) }),
  });
  if (sys && own?.sys) {
    const notes = members.own.length > 0 ? securityNotes(spec) : {};
    checkSys(standard.name, own.sys, standardSys, notes, d);
    checkOthers(standard.name, own.sys, members.others, spec, d);
  }
  if (body && own?.body && !facts.hasBody) checkEmpty(own.body, d);
  const span = own?.span ?? spec.limitsSpan;
  const parts = { sys, body, isSigned, mayFollow: facts.hasBody && large.length > 0 };
  const { maxBytes, bodyBytes } = checkSize(standard.name, span, parts, spec, d);
  return {
    ...(own ? { ...standard.docs, ...own.docs } : { ...standard.docs, line: 0 }),
    name: standard.name,
    from,
    sys: sys ? schemaData(sysNode, true) : {},
    body: body ? schemaData(bodyNode, false) : {},
    ...told,
    ...(isSigned ? { sig: true } : {}),
    ...(spare.length > 0 ? { spare } : {}),
    ...(large.length > 0 ? { large } : {}),
    ...(bodyBytes === undefined ? {} : { bodyBytes }),
    maxBytes,
  };
}

/** Nothing is sealed in plain. */
function noSecrets(spec: SpecAst): { notes?: { help?: string } } {
  if (spec.security === "sealed") return {};
  const help =
    "leave out `security: plain`; or let a backend check it over HTTPS and issue a connect token (docs/guide.md#connect-tokens)";
  return { notes: { help } };
}

function memberNames(schema: JsonSchema): string[] {
  return Object.keys((schema["properties"] as object | undefined) ?? {});
}

/** A sys stated in full says at least, and of the runtime's own members exactly, what the default says. */
function checkSys(
  message: string,
  node: MapNode,
  standard: JsonSchema,
  notes: { help?: string },
  d: Diagnostics,
): void {
  const own = toData(node) as JsonSchema;
  const needed = (standard["properties"] ?? {}) as Record<string, unknown>;
  const given = (own["properties"] ?? {}) as Record<string, unknown>;
  const lacks = Object.keys(needed).filter((name) => !Object.hasOwn(given, name));
  const sysSpan = { start: node.span.start, end: node.span.start + 1 };
  if (lacks.length > 0) {
    const names = lacks.map((name) => `\`${name}\``).join(", ");
    d.report("SD1504", sysSpan, { message, lacks: names }, notes);
  }
  for (const [member, schema] of Object.entries(needed)) {
    if (!Object.hasOwn(given, member)) continue;
    if (canonicalJson(bare(given[member])) === canonicalJson(bare(schema))) continue;
    const span = find(node, "properties", member)?.span ?? sysSpan;
    d.report("SD1505", span, { message, member, expected: JSON.stringify(schema) });
  }
  const required = new Set((own["required"] as string[] | undefined) ?? []);
  const standardRequired = new Set((standard["required"] as string[] | undefined) ?? []);
  for (const member of standardRequired) {
    if (required.has(member) || lacks.includes(member)) continue;
    d.report("SD1504", sysSpan, { message, lacks: `\`${member}\` in \`required\`` }, notes);
  }
  for (const member of required) {
    if (standardRequired.has(member)) continue;
    d.report("SD1508", find(node, "required")?.span ?? sysSpan, { member });
  }
}

/** A sys stated in full has no member that belongs to another kind of security. */
function checkOthers(
  message: string,
  node: MapNode,
  others: readonly string[],
  spec: SpecAst,
  d: Diagnostics,
): void {
  for (const member of others) {
    const found = find(node, "properties", member);
    if (found === undefined) continue;
    const params = { member, message, security: spec.security };
    d.report("SD1513", found.span, params, securityNotes(spec));
  }
}

/** A schema without what is for people only. */
function bare(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema;
  const { description: _, title: __, ...rest } = schema as Record<string, unknown>;
  return rest;
}

function find(node: MapNode, ...path: string[]): Node | undefined {
  let at: Node | undefined = node;
  for (const key of path) {
    at = at?.kind === "map" ? at.entries.find((entry) => entry.key === key)?.value : undefined;
  }
  return at;
}

/** Reports members in the body of a message that may have none. */
function checkEmpty(node: MapNode, d: Diagnostics): void {
  const properties = find(node, "properties");
  if (properties?.kind !== "map" || properties.entries.length === 0) return;
  d.unsupported("zero-other-body", properties.entries[0]!.keySpan);
}

/** What secret members take at the end of a join: an object of their own, filled up, with a tag behind it, as text. */
function sealedBytes(memberBytes: number): number {
  const padded = Math.ceil((memberBytes + 2) / SECRET_PAD_BYTES) * SECRET_PAD_BYTES;
  return `,"secret":""`.length + Math.ceil(((padded + SEAL_TAG_BYTES) * 4) / 3);
}

interface SizeParts {
  /** Undefined after a diagnostic. */
  readonly sys: Extent | undefined;
  readonly body: Extent | undefined;
  readonly isSigned: boolean;
  /** Whether a body that has no room may come in pieces. */
  readonly mayFollow: boolean;
}

function checkSize(
  message: string,
  span: { start: number; end: number },
  { sys, body, isSigned, mayFollow }: SizeParts,
  spec: SpecAst,
  d: Diagnostics,
): { readonly maxBytes: number; readonly bodyBytes?: number } {
  if (sys === undefined || body === undefined) return { maxBytes: 0 };
  const signature = isSigned ? SIGNATURE_BYTES : 0;
  const envelope = ENVELOPE_BYTES + signature + JSON.stringify(message).length;
  const secret = body.secretBytes === 0 ? 0 : sealedBytes(body.secretBytes);
  const worst = envelope + sys.bytes + body.bytes + secret;
  const limit = spec.limits.maxDatagramBytes;
  const depth = 1 + Math.max(sys.depth, body.depth);
  if (depth > MAX_ZERO_DEPTH) {
    d.report("SD1507", span, { message, found: `${depth} levels`, limit: MAX_ZERO_DEPTH });
  }
  const keys = ENVELOPE_KEYS + Number(isSigned) + Number(secret > 0) + sys.keys + body.keys;
  if (keys > MAX_ZERO_KEYS) {
    d.report("SD1507", span, { message, found: `up to ${keys} keys`, limit: MAX_ZERO_KEYS });
  }
  if (worst <= limit) return { maxBytes: worst };
  // Both joins say of a body that comes in pieces how long it is, and have an empty one of their own.
  const bodyBytes = body.bytes + body.secretBytes;
  const room = pieceRoom(limit, secret > 0);
  if (mayFollow && bodyBytes <= room && envelope + sys.bytes + 2 + LARGE_BYTES <= limit) {
    return { maxBytes: limit, bodyBytes };
  }
  const sealed = secret === 0 ? "" : `, secret members ${secret}`;
  const parts = mayFollow
    ? `in pieces its body may take ${room}, and takes ${bodyBytes}`
    : `envelope ${envelope}, sys ${sys.bytes}, body ${body.bytes}${sealed}`;
  d.report("SD1506", span, {
    message,
    worst,
    limit,
    parts: `${parts} (a character of a string may take 6)`,
  });
  return { maxBytes: worst };
}

/** What a body in pieces may take. */
function pieceRoom(maxDatagramBytes: number, isSealed: boolean): number {
  const ofOne = Math.floor(((maxDatagramBytes - PIECE_BYTES) * 3) / 4);
  const all = MAX_PIECES * (ofOne - (isSealed ? SEAL_TAG_BYTES : 0));
  const padding = isSealed ? SECRET_PAD_BYTES : 0;
  return Math.min(MAX_BODY_BYTES, all - padding);
}
