/**
 * `protocol.md`: the protocol as a page for people: overview, limits, the header byte by byte, channels, types and zero
 * messages. Diagrams are text, so that the page is as readable in a terminal as it is rendered. Says nothing that the
 * model does not say; how things work is the documentation's.
 */
import { headerItems, typeBytes } from "../interpret/header-items.ts";
import type { DefinedKind, Definition } from "../kinds/kind.ts";
import { definedKinds, isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import { groupsOf, Lookup, partsOf, withInner } from "../model/lookup.ts";
import type {
  ChannelModel,
  HeaderFieldModel,
  HeaderRole,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";
import { type Box, byteDiagram } from "./diagram.ts";
import { about, anchor, code, prose, table } from "./markdown.ts";
import { zeroSection } from "./page-zero.ts";

export function emitPage(model: Model): string {
  const sections = [
    overview(model),
    limits(model),
    header(model),
    channels(model),
    ...systemMessages(model),
    types(model),
    ...zeroSection(model),
  ];
  return `${sections.join("\n\n")}\n`;
}

function overview(model: Model): string {
  const heading = `# Protocol ${prose(model.name)}, version ${model.version}`;
  const doc = model.doc === undefined ? "" : `${prose(model.doc)}\n\n`;
  const facts = table(
    ["", ""],
    [
      ["Hash", `\`${model.hash}\``],
      ["Security", code(model.security)],
      ...(model.cipher === undefined ? [] : [["Cipher", code(model.cipher)]]),
      ["Spec", code(model.specFile)],
      ["Channels", String(model.channels.length)],
    ],
  );
  const rules =
    "All integers are big-endian. A datagram begins with a channel id of three bytes: zero is the connection protocol, " +
    "every other one a channel's id plus one. Varints are unsigned LEB128 in their shortest form, at most 2^53-1. Two " +
    "peers with the same hash understand each other's bytes.";
  return `${heading}\n\n${doc}${facts}\n\n${rules}`;
}

function limits({ limits: all }: Model): string {
  const rows = Object.entries(all).map(([name, value]) => [
    code(name),
    String(value),
    limitTexts[name] ?? "",
  ]);
  return `## Limits\n\n${table(["limit", "value", "what"], rows)}`;
}

const limitTexts: Readonly<Record<string, string>> = {
  maxDatagramBytes: "Payload of a UDP datagram.",
  maxPathDatagramBytes: "The same, where a path is found to carry it.",
  sliceBytes: "Payload of every slice of a larger message but its last.",
  receiveBudgetBytes: "What an end accepts before it is taken.",
  creditBytes: "What an end takes for sending.",
  idleTimeoutMs: "A silent peer is gone after this.",
  keepAliveMs: "A quiet peer says something this often.",
  handshakeTimeoutMs: "A join is finished by then.",
  authenticateTimeoutMs: "The application has decided by then.",
  maxAckDelayMs: "An acknowledgement waits no longer.",
};

// ## The header

function header(model: Model): string {
  const { clear, sealed, frame, ackFieldBits } = model.header;
  return [
    "## Header",
    "Each row of a diagram is at most four bytes. A field in brackets is there only under its condition.",
    "### Once in a datagram",
    byteDiagram(boxes([...clear, ...sealed])),
    fieldTable([...clear, ...sealed]),
    ...(ackFieldBits === undefined
      ? []
      : [
          `\`ack-bits\` has a bit for each of the ${ackFieldBits} numbers below the largest, most significant first: a one was received. The largest has none.`,
        ]),
    "### Before each payload",
    "The first frame has no bit fields and no channel of its own: they stand in the datagram's header.",
    byteDiagram(boxes(frame)),
    fieldTable(frame),
  ].join("\n\n");
}

function boxes(fields: readonly HeaderFieldModel[]): Box[] {
  return headerItems(fields).flatMap(({ fields: inside, bytes }): Box[] => {
    const optional = inside[0]!.when.length > 0;
    if (inside[0]!.bits === undefined) {
      return [{ name: inside[0]!.name, bits: bytes < 0 ? undefined : bytes * 8, optional }];
    }
    return inside.map(({ name, bits }) => ({ name, bits: bits!, optional }));
  });
}

function fieldTable(fields: readonly HeaderFieldModel[]): string {
  const rows = fields.map((field) => [
    code(field.name),
    field.bits === undefined
      ? code(field.type!)
      : `${field.bits} ${field.bits === 1 ? "bit" : "bits"}`,
    sizeOfField(field),
    field.when.length === 0 ? "always" : field.when.map((name) => code(name)).join(" and "),
    field.role === undefined ? "one's own" : code(field.role),
    about(field),
  ]);
  return table(["field", "type", "bytes", "when", "role", "what"], rows);
}

/** What a varint takes that has a bound of its own: MAX_SLICES, and the largest datagram. */
const boundedVarints: Readonly<Partial<Record<HeaderRole, string>>> = {
  "slice-index": "1 or 2",
  "slice-count": "1 or 2",
  length: "1 or 2",
};

function sizeOfField({ type, role }: HeaderFieldModel): string {
  if (type === undefined) return "";
  const bytes = typeBytes[type];
  if (bytes >= 0) return String(bytes);
  if (type !== "varint") return "1 and up";
  return (role && boundedVarints[role]) ?? "1 to 8";
}

// ## Channels

function channels(model: Model): string {
  const rows = model.channels.map((channel) => [
    `[${code(channel.name)}](#${anchor(`Channel ${channel.name}`)})`,
    String(channel.id),
    `\`${(channel.id + 1).toString(16).padStart(6, "0")}\``,
    channel.delivery,
    directionText(channel),
    bytesText(structOf(model, channel.message)),
  ]);
  const head = ["channel", "id", "on the wire", "delivery", "direction", "bytes"];
  const own = messagesOf(model);
  const parts = model.channels.map((channel) => channelSection(model, channel, own));
  return ["## Channels", table(head, rows), ...parts].join("\n\n");
}

const directionTexts = {
  "client-to-server": "client to server",
  "server-to-client": "server to client",
  both: "both ways",
} as const;

function directionText({ direction, request }: ChannelModel): string {
  return request === undefined ? directionTexts[direction] : askingTexts[request.asks];
}

const askingTexts = {
  "client-to-server": "clients ask",
  "server-to-client": "the server asks",
  both: "both sides ask",
} as const;

/** What is asked and answered; the message around it is shown as any other. */
function requestText({ request }: ChannelModel): string {
  if (request === undefined) return "";
  const { request: asked, response, errors } = request;
  const declined = errors === undefined ? "" : `, declined with ${typeLink(errors)}`;
  return `A request is ${typeLink(asked)}, answered with ${typeLink(response)}${declined}.`;
}

const systemTexts = {
  "application-to-systems": "application to systems",
  "systems-to-application": "systems to application",
  "systems-to-systems": "systems to those of other ports",
} as const;

function systemMessages(model: Model): string[] {
  if (model.system === undefined) return [];
  const rows = model.system.map((message) => [
    code(message.name),
    systemTexts[message.direction],
    bytesText(structOf(model, message.message)),
    typeLink(message.message),
    about(message),
  ]);
  const head = ["message", "from, to", "bytes", "type", ""];
  const what =
    "What the threads of a server say to each other. It never travels, and is not in the hash.";
  return [["## System messages", what, table(head, rows)].join("\n\n")];
}

function structOf(model: Model, name: string): StructModel {
  return Lookup.of(model).struct(name);
}

function bytesText({ minBytes, maxBytes }: StructModel | UnionModel): string {
  return minBytes === maxBytes ? String(minBytes) : `${minBytes} to ${maxBytes}`;
}

function channelSection(model: Model, channel: ChannelModel, own: ReadonlySet<string>): string {
  const struct = structOf(model, channel.message);
  const facts = [
    `id ${channel.id}, on the wire \`${(channel.id + 1).toString(16).padStart(6, "0")}\``,
    channel.delivery,
    directionText(channel),
    `priority ${channel.priority}, weight ${channel.weight}`,
    channel.numbered ? "numbered" : "without message numbers",
    channel.fragment ? "larger messages travel in slices" : "one datagram each",
    `at most ${channel.maxBytes} bytes, ${channel.queueBytes} queued`,
    ...(channel.compress ? ["deflated where that is shorter, a byte in front"] : []),
    ...optionTexts(channel),
  ];
  const heading = `### Channel ${prose(channel.name)}`;
  const parts = [heading, about(channel), `${facts.join("; ")}.`, requestText(channel)];
  if (own.has(struct.name)) parts.push(structBody(struct));
  else parts.push(`Its message is ${typeLink(struct.name)}.`);
  return parts.filter((part) => part !== "").join("\n\n");
}

function optionTexts({ maxAgeMs, maxGapMs, redundancy, notices }: ChannelModel): string[] {
  return [
    ...(maxAgeMs === undefined ? [] : [`not sent after ${maxAgeMs} ms in the queue`]),
    ...(maxGapMs === undefined ? [] : [`a missing message is waited for ${maxGapMs} ms`]),
    ...(redundancy === undefined ? [] : [`small messages ride in ${redundancy} further datagrams`]),
    ...(notices ? ["the sender can be told what became of a message"] : []),
  ];
}

/** Structs that are the message of one channel and nothing else; these are shown with it. */
function messagesOf(model: Model): ReadonlySet<string> {
  const used = new Set<string>();
  for (const part of [...model.structs, ...model.unions].flatMap((named) => partsOf(named))) {
    for (const inner of withInner(part.type)) if (inner.kind === "struct") used.add(inner.name);
  }
  const own = new Set<string>();
  for (const { message } of model.channels) {
    if (own.has(message)) used.add(message);
    own.add(message);
  }
  return new Set([...own].filter((name) => !used.has(name)));
}

// ## Types

function types(model: Model): string {
  const own = messagesOf(model);
  const structs = model.structs.filter(({ name }) => !own.has(name));
  const parts = [
    ...structs.map((struct) =>
      [`### Type ${struct.name}`, about(struct), structBody(struct)]
        .filter((p) => p !== "")
        .join("\n\n"),
    ),
    ...model.unions.map(unionSection),
    ...definedKinds.flatMap((kind) => model[kind.list].map((one) => definedSection(kind, one))),
  ];
  return parts.length === 0 ? "## Types\n\nNone." : ["## Types", ...parts].join("\n\n");
}

function definedSection(kind: DefinedKind, one: Definition): string {
  const { head, sentence, number } = kind.page;
  const rows = one.values.map((choice) => [
    code(choice.name),
    number(choice),
    about(choice.doc === undefined ? {} : { doc: choice.doc }),
  ]);
  const parts = [`### Type ${one.name}`, about(one), sentence(one), table(head, rows)];
  return parts.filter((part) => part !== "").join("\n\n");
}

function unionSection(union: UnionModel): string {
  const rows = union.variants.map((variant) => [
    String(variant.tag),
    code(variant.name),
    sizeText(variant.type),
    `${typeText(variant.type)}${ownBytes(variant.type)}`,
    about(variant),
  ]);
  const size = `A union: a varint tag, then the value. ${bytesText(union)} bytes.`;
  const parts = [
    `### Type ${union.name}`,
    about(union),
    size,
    recursionText(union),
    table(["tag", "variant", "size", "type", "what"], rows),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function recursionText({ name, recursion }: StructModel | UnionModel): string {
  if (recursion === undefined) return "";
  const { head, maxDepth, maxBytes } = recursion;
  if (head !== name) {
    return `It may hold itself by way of ${typeLink(head)}, of which at most ${maxDepth} lie in each other.`;
  }
  const most = maxBytes === undefined ? "" : `, and one takes at most ${maxBytes} bytes`;
  return `It may hold itself: at most ${maxDepth} lie in each other${most}.`;
}

function typeLink(name: string): string {
  return `[\`${name}\`](#${anchor(`Type ${name}`)})`;
}

function structBody(struct: StructModel): string {
  const { members, extensible } = struct;
  const size = `${bytesText(struct)} ${struct.maxBytes === 1 ? "byte" : "bytes"}.`;
  const length =
    extensible === undefined
      ? ""
      : `Extensible: a varint byte length of at most ${extensible.maxBodyBytes} stands in front, and places count from behind it.`;
  const intro = [size, length, recursionText(struct)].filter((part) => part !== "").join(" ");
  if (members.length === 0) return `${intro} No members.`;
  const parts = [intro];
  for (const { members: own, bitBlockBytes, group } of groupsOf(struct)) {
    if (group) parts.push(`Since version ${group.since} follow, with places from here:`);
    if (group || own.length > 0) parts.push(...partBody(own, bitBlockBytes));
  }
  return parts.join("\n\n");
}

/** Members that share a bit block: a diagram and a table. */
function partBody(members: readonly MemberModel[], blockBytes: number): string[] {
  const rows = places(members, blockBytes).map(({ place, member, presence }) =>
    presence
      ? [place, code(member.name), "1 bit", "presence", ""]
      : [
          place,
          code(member.name),
          sizeText(member.type),
          typeText(member.type),
          memberText(member),
        ],
  );
  const body = table(["byte.bit", "member", "size", "type", "what"], rows);
  return [byteDiagram(structBoxes(members, blockBytes)), body];
}

function memberText(member: MemberModel): string {
  const { default: given, type } = member;
  const parts = [about(member)];
  if (given !== undefined && isLeaf(type)) {
    parts.push(`From a writer that lacks it: ${code(kindOf(type).givenWords(type, given))}.`);
  }
  return parts.filter((part) => part !== "").join(" ");
}

interface Placed {
  readonly place: string;
  readonly member: MemberModel;
  readonly presence: boolean;
}

/** Members in the order of their bytes; a place is known up to the first member of a size that varies. */
function places(members: readonly MemberModel[], blockBytes: number): Placed[] {
  const bit = (offset: number): string => `${Math.floor(offset / 8)}.${offset % 8}`;
  const rows: (Placed & { order: number })[] = [];
  for (const member of members) {
    if (member.presenceBit !== undefined) {
      rows.push({
        place: bit(member.presenceBit),
        member,
        presence: true,
        order: member.presenceBit,
      });
    }
    if (member.valueBit !== undefined) {
      rows.push({ place: bit(member.valueBit), member, presence: false, order: member.valueBit });
    }
  }
  rows.sort((a, b) => a.order - b.order);
  let at: number | undefined = blockBytes;
  for (const member of members) {
    if (isBits(member.type)) continue;
    const place = at === undefined ? "then" : String(at);
    rows.push({ place, member, presence: false, order: 0 });
    const bytes = member.optional ? undefined : fixedBytes(member.type);
    at = at === undefined || bytes === undefined ? undefined : at + bytes;
  }
  return rows;
}

/** Bytes of a type behind the bit block, or as an element; undefined where they vary. */
function fixedBytes(type: TypeModel): number | undefined {
  if (isBits(type)) return Math.ceil(type.bits / 8);
  if (type.kind === "array") {
    const each = fixedBytes(type.of);
    return each === undefined ? undefined : type.length * each;
  }
  return isFixed(type) ? type.bytes : undefined;
}

function structBoxes(members: readonly MemberModel[], blockBytes: number): Box[] {
  const all: Box[] = [];
  let used = 0;
  for (const { member, presence } of places(members, blockBytes)) {
    const bits = presence ? 1 : isBits(member.type) ? member.type.bits : undefined;
    if (bits === undefined) continue;
    all.push({ name: presence ? `${member.name}?` : member.name, bits, optional: false });
    used += bits;
  }
  const padding = blockBytes * 8 - used;
  if (padding > 0) all.push({ name: "0", bits: padding, optional: false });
  for (const { type, name, optional } of members) {
    if (isBits(type)) continue;
    const bytes = type.kind === "array" ? undefined : fixedBytes(type);
    all.push({ name, bits: bytes === undefined ? undefined : bytes * 8, optional });
  }
  return all;
}

/** How many bits or bytes, in words. */
function sizeText(type: TypeModel): string {
  if (isLeaf(type)) return kindOf(type).pageSize(type);
  switch (type.kind) {
    case "list":
      return `varint, then at most ${type.max} elements`;
    case "array": {
      const bytes = fixedBytes(type);
      if (bytes !== undefined) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
      return `${type.length} ${type.length === 1 ? "element" : "elements"}, no count`;
    }
    case "map":
      return `varint, then at most ${type.max} entries`;
    case "struct":
    case "union":
      return "";
  }
}

function typeText(type: TypeModel): string {
  if (isLeaf(type)) return kindOf(type).pageType(type, typeLink);
  switch (type.kind) {
    case "list":
      return `list of ${typeText(type.of)}${ownBytes(type.of)}`;
    case "array":
      return `array of ${type.length} ${typeText(type.of)}${ownBytes(type.of)}`;
    case "map":
      return `map of ${typeText(type.key)}${ownBytes(type.key)} to ${typeText(type.value)}${ownBytes(type.value)}; no key twice`;
    case "struct":
    case "union":
      return typeLink(type.name);
  }
}

/** Bytes of a type with bits that stands by itself, in words. */
function ownBytes(type: TypeModel): string {
  const count = fixedBytes(type);
  const bytes = `${count} ${count === 1 ? "byte" : "bytes"}`;
  return isBits(type) ? ` (${sizeText(type)}, alone in ${bytes})` : "";
}
