/**
 * Every map of a spec with its keys, which of them must be there, and their bounds: said here once. The parser reads
 * them by it (fields.ts), editors get it as JSON Schema (editor-schema.ts) and the formatter takes its order from it.
 * Not the options of types, which are type-schema.ts's, nor `limits`, which is parse-limits.ts's.
 */
import { MAX_FIELD_BYTES } from "../kinds/length.ts";
import { artefactFiles, artefacts } from "../model/artefacts.ts";
import { deliveries, directions, systemDirections } from "../model/delivery.ts";
import { fieldBytes, headerRoles } from "../model/header-roles.ts";
import { ciphers, securities } from "../model/security.ts";
import { MAX_CHANNEL_ID, MAX_NUMBER, MAX_VERSION } from "./bounds.ts";
import { MAX_NAME, onEveryObject } from "./names.ts";
import { closed, flag, type MapSchema, ref, type Schema, text, whole } from "./schema-parts.ts";
import { typeKeys } from "./type-names.ts";
import { typeOptions } from "./type-schema.ts";

/** 0 is sent before 1; the default leaves one level in front of it. */
export const priorityByDefault = 1;
const MAX_PRIORITY = 7;
const MAX_WEIGHT = 1000;
const MAX_AGE_MS = 60_000;
const MAX_GAP_MS = 1000;
/** How long a gap on a channel of delivery `unreliable-ordered` is waited for, in milliseconds, unless the spec says. */
export const gapMsByDefault = 40;
const MAX_REDUNDANCY = 3;
const MAX_MESSAGE_BYTES: number = 2 ** 30;
/** Bounds of `maxDepth`: objects of one recursive type inside each other. */
const MIN_TYPE_DEPTH = 2;
const MAX_TYPE_RECURSION = 64;

/** What any part of a spec may say to people. */
const docKeys: Readonly<Record<string, Schema>> = {
  doc: ref("doc"),
  why: ref("why"),
  unit: ref("unit"),
  deprecated: ref("deprecated"),
};

export const deprecatedSection: MapSchema = closed("Not to be used any more.", {
  since: whole(0, MAX_VERSION, "Version of the protocol."),
  replacedBy: text("What to use."),
  reason: text("Why."),
});

export const names: Schema = {
  type: "string",
  pattern: `^[A-Za-z_][A-Za-z0-9_]{0,${MAX_NAME - 1}}$`,
  not: { enum: [...onEveryObject].sort() },
};

export const protocolSection: MapSchema = closed(
  "What the protocol is called.",
  {
    name: {
      type: "string",
      pattern: `^[A-Za-z][A-Za-z0-9_-]{0,${MAX_NAME - 1}}$`,
      description: "Name of the protocol; part of its hash.",
    },
    version: { ...whole(0, MAX_VERSION, "Yours to raise; not part of the hash."), default: 1 },
    doc: ref("doc"),
  },
  ["name"],
);

/** Members, or the name of a struct. */
function struct(description: string): Schema {
  return { description, anyOf: [{ type: "string" }, ref("members")] };
}

export const channelSection: MapSchema = closed(
  "One message type and how it travels.",
  {
    id: whole(0, MAX_CHANNEL_ID, "Unique; never used again for something else."),
    delivery: {
      enum: deliveries,
      description: "What is promised. With `response` it is `reliable` where it is left out.",
    },
    direction: {
      enum: directions,
      default: "both",
      description: "Who may send; with `response`, who may ask.",
    },
    priority: {
      ...whole(0, MAX_PRIORITY, "Strict levels: 0 is sent before 1."),
      default: priorityByDefault,
    },
    weight: { ...whole(1, MAX_WEIGHT, "Share among channels of one level."), default: 1 },
    maxAgeMs: whole(
      1,
      MAX_AGE_MS,
      "Unreliable: what has waited longer is not sent, nor handed to a server's application. Default: whatever its age, it is.",
    ),
    maxGapMs: whole(
      0,
      MAX_GAP_MS,
      `Of \`unreliable-ordered\`: how long a missing message is waited for. Default: ${gapMsByDefault}.`,
    ),
    redundancy: whole(
      1,
      MAX_REDUNDANCY,
      "Reliable: in how many further datagrams a small message rides before it is known to be lost.",
    ),
    notices: flag(
      "Messages may be sent with a token, and their sender is told what became of them.",
    ),
    fragment: flag("Messages larger than a datagram travel in slices. Default: where reliable."),
    compress: flag("Messages are deflated where that is shorter."),
    extensible: flag("Later versions may add members at the message's end."),
    maxBytes: whole(
      1,
      MAX_MESSAGE_BYTES,
      "Largest message accepted, before it is compressed. Default: what its type can take.",
    ),
    queueBytes: whole(1, MAX_MESSAGE_BYTES, "Bytes queued for one peer before send says no."),
    ...docKeys,
    message: struct("Members, or the name of a struct."),
    response: struct(
      "What answers a message, which is a request then: members, or the name of a struct. The direction is that of requests.",
    ),
    errors: ref("errors"),
  },
  ["id", "message"],
);

/** The delivery of a channel with `response` that says none. */
export const requestDelivery = "reliable";

/** What may be answered instead of a response. */
export const errorSection: MapSchema = closed("A reason why a request is declined.", {
  tag: whole(
    0,
    MAX_NUMBER,
    "Number on the wire; all errors say one, or none does and their order counts.",
  ),
  ...docKeys,
  message: struct("What it tells beside its name: members, or the name of a struct."),
});

export const systemMessageSection: MapSchema = closed(
  "One message between the application's thread and the systems in the workers. It never leaves the server.",
  {
    direction: { enum: systemDirections, description: "Who sends it, and to whom." },
    ...docKeys,
    message: struct("Members, or the name of a struct."),
  },
  ["direction", "message"],
);

const headerList = (description: string): Schema => ({
  type: "array",
  items: ref("headerField"),
  description,
});
export const headerSection: MapSchema = closed(
  "Layout of a datagram; without it the default layout is used.",
  {
    clear: headerList("Once a datagram, readable."),
    sealed: headerList("Once a datagram, encrypted in sealed sessions."),
    frame: headerList("Before each payload."),
  },
  ["clear", "sealed", "frame"],
);

export const headerFieldSection: MapSchema = closed(
  undefined,
  {
    name: names,
    type: { enum: Object.keys(fieldBytes), description: "Whole bytes." },
    bits: whole(1, 32, "Bits, gathered with those beside it."),
    role: {
      enum: Object.keys(headerRoles),
      description: "What the runtime uses it for; without one the field is yours.",
    },
    when: {
      type: "array",
      items: { type: "string" },
      description: "Flags that must all be set, or numbered, unsized.",
    },
    ...docKeys,
  },
  ["name"],
);

/** A zero message whose body is as `body` says. */
export function zeroSection(body: string): MapSchema {
  return closed(undefined, {
    from: { enum: ["client", "server", "both"], description: "Who sends it." },
    ...docKeys,
    sys: ref("openSchema"),
    body: ref(body),
  });
}

export const reservedSection: MapSchema = closed("What must not be used again.", {
  channels: {
    type: "array",
    items: whole(0, MAX_CHANNEL_ID, "An id that no channel may have again."),
    description: "Ids of channels that are gone.",
  },
});

const files: readonly string[] = Object.values(artefactFiles).map((file) => `\`${file}\``);
export const generateSection: MapSchema = closed(
  "What to generate beside the code; not part of the hash.",
  {
    with: {
      type: "array",
      uniqueItems: true,
      items: {
        enum: artefacts,
        description: `${files.slice(0, -1).join(", ")} or ${files.at(-1)}.`,
      },
      description: "Nothing, where it is left out.",
    },
  },
);

const optionsOfTypes: Readonly<Record<string, Schema>> = Object.fromEntries(
  typeKeys.map((key) => {
    const options = typeOptions.get(key);
    if (options === undefined) throw new Error(`type-schema.ts has no row for ${key}`);
    return [key, ref(options)];
  }),
);

/** A type that is a map: one type key. */
export const typeSection: MapSchema = closed(undefined, optionsOfTypes);

/** A type among other keys: `type` or one type key. */
const typed = (more: Readonly<Record<string, Schema>>): MapSchema =>
  closed(undefined, {
    ...docKeys,
    type: ref("type"),
    ...optionsOfTypes,
    extensible: flag("A struct that later versions may add members to, at its end."),
    ...more,
  });

export const memberSection: MapSchema = typed({
  optional: flag("May be absent: costs one bit."),
  since: whole(
    1,
    MAX_VERSION,
    "The protocol's version that added the member, in an extensible struct.",
  ),
  default: {
    type: ["string", "number", "boolean"],
    description: "What a reader sees where the writer's version lacks the member.",
  },
});

export const variantSection: MapSchema = typed({
  tag: whole(
    0,
    MAX_NUMBER,
    "Number on the wire; all variants say one, or none does and their order counts.",
  ),
});

export const typeDefinitionSection: MapSchema = typed({
  maxDepth: whole(
    MIN_TYPE_DEPTH,
    MAX_TYPE_RECURSION,
    "How many values of a type that can hold itself may lie in each other.",
  ),
  maxBytes: whole(1, MAX_FIELD_BYTES, "Most bytes of a type that can hold itself."),
});

/** The whole spec. */
export const specSection: MapSchema = closed(
  undefined,
  {
    stardust: { const: 1, description: "Format of this file." },
    protocol: ref("protocol"),
    security: {
      enum: securities,
      default: securities[0],
      description: "Whether datagrams are encrypted and authenticated (sealed) or not (plain).",
    },
    cipher: {
      enum: ciphers,
      default: ciphers[0],
      description: "What datagrams are sealed with; only where they are.",
    },
    limits: ref("limits"),
    header: ref("header"),
    types: ref("types"),
    channels: ref("channels"),
    system: ref("system"),
    zero: ref("zero"),
    reserved: ref("reserved"),
    generate: ref("generate"),
  },
  ["stardust", "protocol", "channels"],
);
