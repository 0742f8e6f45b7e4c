/**
 * The JSON Schema that editors complete and check a spec with, from the tables and bounds that the parser uses:
 * `npm run docs` writes it to protocol.schema.json. Not the judge: `stardust generate` checks more and says it better;
 * a test holds the two against each other. The worst case is a table that the schema cannot say, which is an error.
 */
import { defaultZero } from "../model/defaults.ts";
import { requestDeliveries } from "../model/delivery.ts";
import { notForChannels, onEveryObject } from "./names.ts";
import { limitsSection } from "./parse-limits.ts";
import { closed, freeNames, type MapSchema, ref, type Schema, text } from "./schema-parts.ts";
import {
  channelSection,
  deprecatedSection,
  errorSection,
  generateSection,
  headerFieldSection,
  headerSection,
  memberSection,
  names,
  protocolSection,
  reservedSection,
  specSection,
  systemMessageSection,
  typeDefinitionSection,
  typeSection,
  variantSection,
  zeroSection,
} from "./sections.ts";
import { bareNames, builtInTypes, typeForms, typeKeys } from "./type-names.ts";
import { typeDefinitions } from "./type-schema.ts";
import { unsupported } from "./unsupported.ts";

export function editorSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Stardust protocol",
    description:
      "The spec of a Stardust protocol. This schema is for editors; `stardust generate` checks more and says it better.",
    ...specSection,
    definitions: definitions(),
  };
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

/** Only what is asked has a delivery by default, and only what is asked can be declined. */
const channelRules: Schema = {
  anyOf: [{ required: ["delivery"] }, { required: ["response"] }],
  dependencies: {
    errors: ["response"],
    response: {
      properties: { delivery: { enum: requestDeliveries }, notices: { const: false } },
    },
  },
};

function errors(): Schema {
  return {
    type: "object",
    description: "Why a request may be declined, by name; each with what it tells.",
    minProperties: 1,
    propertyNames: freeNames,
    additionalProperties: ref("error"),
  };
}

function system(): Schema {
  return {
    type: "object",
    description: "Messages between the application's thread and the systems; not part of the hash.",
    propertyNames: { ...freeNames, not: { enum: [...onEveryObject, ...notForChannels].sort() } },
    additionalProperties: ref("systemMessage"),
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

/** The built-in names by themselves, so that editors offer them, before any other. */
const typeName: Schema = {
  anyOf: [
    { enum: bareNames, description: "A built-in type." },
    {
      description: "The name of a built-in type or of one in `types`.",
      type: "string",
      not: { enum: [...typeForms.keys()] },
    },
  ],
};

const exactlyOne = (keys: readonly string[]): Schema[] => keys.map((key) => ({ required: [key] }));

/** A type name, or one type key (or `type`) among other keys. */
function typed(description: string | undefined, section: MapSchema): Schema {
  const object = {
    ...section,
    oneOf: exactlyOne(["type", ...typeKeys]),
    dependencies: { extensible: { anyOf: exactlyOne(["struct", "type"]) } },
  };
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [typeName, object],
  };
}

const secret: Schema = {
  type: "boolean",
  description: "It travels sealed; of members of the body of join alone, where security is sealed.",
};

const forPeople: Schema = { description: text("For people."), title: text("For people.") };

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
      ...(of === "closedSchema" && { secret }),
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
    closed(undefined, { type, ...forPeople, ...(of === "closedSchema" && { secret }), ...more }, [
      "type",
      ...required,
    ]);
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
      format: { enum: ["ascii", "base64"] },
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
    deprecated: deprecatedSection,
    type: {
      description: "A type: a name, or an object with one type key.",
      anyOf: [typeName, { ...typeSection, oneOf: exactlyOne(typeKeys) }],
    },
    ...typeDefinitions,
    member: typed("A type name, or an object with `type` or one type key.", memberSection),
    variant: typed("A type name, or an object with `type` or one type key.", variantSection),
    typeDefinition: typed(undefined, typeDefinitionSection),
    protocol: protocolSection,
    limits: limitsSection,
    types: types(),
    channels: channels(),
    channel: { ...channelSection, ...channelRules },
    errors: errors(),
    error: errorSection,
    system: system(),
    systemMessage: systemMessageSection,
    header: headerSection,
    headerField: { ...headerFieldSection, oneOf: exactlyOne(["type", "bits"]) },
    zero: zero(),
    zeroMessage: zeroSection("emptyBody"),
    zeroBody: zeroSection("closedSchema"),
    emptyBody,
    openSchema: objectSchema("openSchema", "ignored"),
    openSchemaAny: anySchema("openSchema"),
    closedSchema: objectSchema("closedSchema", "removed"),
    closedSchemaAny: anySchema("closedSchema"),
    reserved: reservedSection,
    generate: generateSection,
  };
}
