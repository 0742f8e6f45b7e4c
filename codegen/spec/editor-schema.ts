/**
 * The JSON Schema that editors complete and check a spec with, from the tables and bounds that the parser uses:
 * `npm run docs` writes it to protocol.schema.json. Not the judge: `stardust generate` checks more and says it better;
 * a test holds the two against each other. The worst case is a table that the schema cannot say, which is an error.
 */
import { MAX_FIELD_BYTES } from "../kinds/length.ts";
import { artefactFiles, artefacts } from "../model/artefacts.ts";
import { defaultZero } from "../model/defaults.ts";
import { fieldBytes, headerRoles } from "../model/header-roles.ts";
import { MAX_NAME, notForChannels, onEveryObject } from "./names.ts";
import {
  deliveries,
  directions,
  isReliable,
  MAX_BYTES,
  MAX_CHANNEL_ID,
  MAX_PRIORITY,
  MAX_WEIGHT,
  missingDeliveries,
  priorityByDefault,
} from "./parse-channels.ts";
import { MAX_NUMBER } from "./parse-choices.ts";
import { limitTable } from "./parse-limits.ts";
import { MAX_TYPE_RECURSION, MAX_VERSION, MIN_TYPE_DEPTH } from "./parse-types.ts";
import { closed, flag, freeNames, ref, type Schema, text, whole } from "./schema-parts.ts";
import { builtInTypes, typeForms, typeKeys } from "./type-names.ts";
import { typeDefinitions, typeOptions } from "./type-schema.ts";
import { unsupported } from "./unsupported.ts";

export function editorSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Stardust protocol",
    description:
      "The spec of a Stardust protocol. This schema is for editors; `stardust generate` checks more and says it better.",
    ...closed(
      undefined,
      {
        stardust: { const: 1, description: "Format of this file." },
        protocol: protocol(),
        security: {
          enum: unsupported["security-sealed"] ? ["plain"] : ["plain", "sealed"],
          description: "Sealing is not there yet: `plain` must be written.",
        },
        limits: limits(),
        header: ref("header"),
        types: types(),
        channels: channels(),
        zero: zero(),
        reserved: reserved(),
        generate: generate(),
      },
      ["stardust", "protocol", "security", "channels"],
    ),
    definitions: definitions(),
  };
}

const names: Schema = {
  type: "string",
  pattern: `^[A-Za-z_][A-Za-z0-9_]{0,${MAX_NAME - 1}}$`,
  not: { enum: [...onEveryObject].sort() },
};

function protocol(): Schema {
  const name = {
    type: "string",
    pattern: `^[A-Za-z][A-Za-z0-9_-]{0,${MAX_NAME - 1}}$`,
    description: "Name of the protocol; part of its hash.",
  };
  const version = {
    ...whole(0, MAX_VERSION, "Yours to raise; not part of the hash."),
    default: 1,
  };
  return closed("What the protocol is called.", { name, version, doc: ref("doc") }, ["name"]);
}

function limits(): Schema {
  const rows = Object.entries(limitTable).map(([name, row]) => [
    name,
    { ...whole(row.low, row.high, row.doc), default: row.default },
  ]);
  return closed("Bounds, each with a default.", Object.fromEntries(rows));
}

function types(): Schema {
  return {
    type: "object",
    description: "Structs, enums and aliases, shared by messages.",
    // A type's name becomes one of TypeScript, which needs a letter to make a capital of.
    propertyNames: {
      allOf: [names, { not: { enum: [...builtInTypes] } }, { pattern: "^_*[A-Za-z]" }],
    },
    additionalProperties: ref("typeDefinition"),
  };
}

function channels(): Schema {
  return {
    type: "object",
    description: "One message type each, and how it travels.",
    minProperties: 1,
    propertyNames: { ...freeNames, not: { enum: [...onEveryObject, ...notForChannels].sort() } },
    additionalProperties: ref("channel"),
  };
}

function zero(): Schema {
  // The messages of the connection protocol, and which of them carry the application's own words.
  const own = unsupported["zero-other-body"] ? ["join", "accept"] : undefined;
  const rows = defaultZero().messages.map(({ name }) => [
    name,
    ref(own === undefined || own.includes(name) ? "zeroBody" : "zeroMessage"),
  ]);
  return closed(
    "The connection protocol's messages, where they differ from the default.",
    Object.fromEntries(rows),
  );
}

function reserved(): Schema {
  const items = whole(0, MAX_CHANNEL_ID, "An id that no channel may have again.");
  return closed("What must not be used again.", {
    channels: { type: "array", items, description: "Ids of channels that are gone." },
  });
}

function generate(): Schema {
  const files = Object.values(artefactFiles).map((file) => `\`${file}\``);
  const items = {
    enum: artefacts,
    description: `${files.slice(0, -1).join(", ")} or ${files.at(-1)}.`,
  };
  return closed("What to generate beside the code; not part of the hash.", {
    with: {
      type: "array",
      uniqueItems: true,
      items,
      description: "Nothing, where it is left out.",
    },
  });
}

const docs: Schema = {
  doc: ref("doc"),
  why: ref("why"),
  unit: ref("unit"),
  deprecated: ref("deprecated"),
};

const typeName: Schema = {
  description: "The name of a built-in type or of one in `types`.",
  type: "string",
  not: { enum: [...typeForms.keys()] },
};

const optionsOf = Object.fromEntries(
  typeKeys.map((key) => {
    const options = typeOptions.get(key);
    if (options === undefined) throw new Error(`type-schema.ts has no row for ${key}`);
    return [key, ref(options)];
  }),
);
const exactlyOne = (keys: readonly string[]): Schema[] => keys.map((key) => ({ required: [key] }));

/** A type name, or one type key (or `type`) among other keys. */
function typed(description: string | undefined, more: Schema): Schema {
  const object = {
    ...closed(undefined, {
      ...docs,
      type: ref("type"),
      ...optionsOf,
      extensible: flag("A struct that later versions may add members to, at its end."),
      ...more,
    }),
    oneOf: exactlyOne(["type", ...typeKeys]),
    dependencies: { extensible: { anyOf: exactlyOne(["struct", "type"]) } },
  };
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [typeName, object],
  };
}

function channel(): Schema {
  const there = deliveries.filter((delivery) => {
    const missing = missingDeliveries[delivery];
    return missing === undefined || unsupported[missing] === undefined;
  });
  return {
    ...closed(
      "One message type and how it travels.",
      {
        ...docs,
        id: whole(0, MAX_CHANNEL_ID, "Unique; never used again for something else."),
        delivery: { enum: there, description: "What is promised." },
        direction: { enum: directions, default: "both", description: "Who may send." },
        priority: {
          ...whole(0, MAX_PRIORITY, "Strict levels: 0 is sent before 1."),
          default: priorityByDefault,
        },
        weight: { ...whole(1, MAX_WEIGHT, "Share among channels of one level."), default: 1 },
        fragment: flag(
          "Messages larger than a datagram travel in slices. Default: where reliable.",
        ),
        maxBytes: whole(1, MAX_BYTES, "Largest message accepted. Default: what its type can take."),
        queueBytes: whole(1, MAX_BYTES, "Bytes queued for one peer before send says no."),
        message: {
          description: "Members, or the name of a struct.",
          anyOf: [{ type: "string" }, ref("members")],
        },
        extensible: flag("Later versions may add members at the message's end."),
      },
      ["id", "delivery", "message"],
    ),
    ...(unsupported["channel-fragment-unreliable"]
      ? {
          if: {
            properties: { delivery: { enum: there.filter((delivery) => !isReliable(delivery)) } },
          },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nobody awaits it.
          then: { properties: { fragment: { const: false } } },
        }
      : {}),
  };
}

function header(): Schema {
  const list = (description: string): Schema => ({
    type: "array",
    items: ref("headerField"),
    description,
  });
  return closed(
    "Layout of a datagram; without it the default layout is used.",
    {
      clear: list("Once a datagram, readable."),
      sealed: list("Once a datagram, encrypted in sealed sessions."),
      frame: list("Before each payload."),
    },
    ["clear", "sealed", "frame"],
  );
}

function headerField(): Schema {
  return {
    ...closed(
      undefined,
      {
        ...docs,
        name: names,
        role: {
          enum: Object.keys(headerRoles),
          description: "What the runtime uses it for; without one the field is yours.",
        },
        type: { enum: Object.keys(fieldBytes), description: "Whole bytes." },
        bits: whole(1, 32, "Bits, gathered with those beside it."),
        when: {
          type: "array",
          items: { type: "string" },
          description: "Flags that must all be set, or numbered, unsized.",
        },
      },
      ["name"],
    ),
    oneOf: exactlyOne(["type", "bits"]),
  };
}

const forPeople: Schema = { description: text("For people."), title: text("For people.") };

function zeroMessage(body: string): Schema {
  return closed(undefined, {
    ...docs,
    from: { enum: ["client", "server", "both"], description: "Who sends it." },
    sys: ref("openSchema"),
    body: ref(body),
  });
}

const emptyBody = closed(
  "The application's part; the runtime sends none here yet.",
  {
    type: { const: "object" },
    ...forPeople,
    additionalProperties: { const: false },
    required: { type: "array", maxItems: 0 },
    properties: { type: "object", maxProperties: 0 },
  },
  ["type"],
);

/** The part of JSON Schema that a zero message may use (model/zero-schema.ts): an object ... */
function objectSchema(of: "openSchema" | "closedSchema", becomes: string): Schema {
  return closed(
    `A JSON Schema; members it does not name are ${becomes}.`,
    {
      type: { const: "object" },
      ...forPeople,
      properties: { type: "object", propertyNames: names, additionalProperties: ref(`${of}Any`) },
      required: { type: "array", items: { type: "string" } },
      additionalProperties: { const: of === "openSchema" },
    },
    ["type"],
  );
}

/** ... and whatever may stand in one. */
function anySchema(of: "openSchema" | "closedSchema"): Schema {
  const count = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
  const number = { type: "number" };
  const ofType = (type: Schema, more: Schema, required: readonly string[] = []): Schema =>
    closed(undefined, { type, ...forPeople, ...more }, ["type", ...required]);
  const numeric = (type: "integer" | "number"): Schema =>
    ofType(
      { const: type },
      {
        minimum: number,
        maximum: number,
        exclusiveMinimum: number,
        exclusiveMaximum: number,
        enum: { type: "array", minItems: 1, items: { type } },
        const: { type },
      },
    );
  const string = ofType(
    { const: "string" },
    {
      minLength: count,
      maxLength: count,
      enum: { type: "array", minItems: 1, items: { type: "string" } },
      const: { type: "string" },
    },
  );
  return {
    anyOf: [
      ref(of),
      ofType({ const: "array" }, { items: ref(`${of}Any`), minItems: count, maxItems: count }, [
        "items",
        "maxItems",
      ]),
      { ...string, anyOf: exactlyOne(["maxLength", "enum", "const"]) },
      numeric("integer"),
      numeric("number"),
      ofType({ const: "boolean" }, { const: { type: "boolean" } }),
      // In YAML a bare `null` is the value and not the word.
      ofType({ enum: ["null", null] }, {}),
    ],
  };
}

function definitions(): Schema {
  return {
    doc: text("What it is, for people. Becomes a comment in the generated code."),
    why: text("Why it is as it is."),
    unit: text("Unit of the value, for example m or ms."),
    deprecated: closed("Not to be used any more.", {
      since: whole(0, MAX_VERSION, "Version of the protocol."),
      replacedBy: text("What to use."),
      reason: text("Why."),
    }),
    type: {
      description: "A type: a name, or an object with one type key.",
      anyOf: [typeName, { ...closed(undefined, optionsOf), oneOf: exactlyOne(typeKeys) }],
    },
    ...typeDefinitions,
    member: typed("A type name, or an object with `type` or one type key.", {
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
    }),
    variant: typed("A type name, or an object with `type` or one type key.", {
      tag: whole(
        0,
        MAX_NUMBER,
        "Number on the wire; all variants say one, or none does and their order counts.",
      ),
    }),
    typeDefinition: typed(undefined, {
      maxDepth: whole(
        MIN_TYPE_DEPTH,
        MAX_TYPE_RECURSION,
        "How many values of a type that can hold itself may lie in each other.",
      ),
      maxBytes: whole(1, MAX_FIELD_BYTES, "Most bytes of a type that can hold itself."),
    }),
    channel: channel(),
    header: header(),
    headerField: headerField(),
    zeroMessage: zeroMessage("emptyBody"),
    zeroBody: zeroMessage("closedSchema"),
    emptyBody,
    openSchema: objectSchema("openSchema", "ignored"),
    openSchemaAny: anySchema("openSchema"),
    closedSchema: objectSchema("closedSchema", "removed"),
    closedSchemaAny: anySchema("closedSchema"),
  };
}
