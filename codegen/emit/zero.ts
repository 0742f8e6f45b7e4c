/**
 * `zero.ts`: the connection protocol's messages as types and definitions, and its state tables. The validators
 * themselves are in validators.ts.
 */
import type { JsonSchema, Model, ZeroMessageModel } from "../model/model.ts";
import type { Module } from "./module.ts";
import type { Declaration } from "./source.ts";
import {
  documentation,
  key,
  Lines,
  memberName,
  Names,
  optionalDoc,
  pascal,
  quote,
} from "./text.ts";
import { isSchema, validatorNames } from "./validators.ts";

/** `Join` of `join`, by the message's position. */
export function zeroNames(model: Model): string[] {
  return Names.forAll(model.zero.messages.map((m) => pascal(m.name)));
}

export function emitZero(model: Model, module: Module): Declaration[] {
  const names = zeroNames(model);
  return [
    ...model.zero.messages.flatMap((m, i) => typesOf(m, names[i]!, model.specFile)),
    {
      kind: "function",
      name: "problemOf",
      exported: false,
      parameters: [
        { name: "validator", type: module.type("./validators.ts", "Validator") },
        { name: "value", type: "unknown" },
      ],
      returns: `${module.type("stardust-udp/protocol", "ZeroProblem")} | null`,
      doc: "The first thing that a validator finds wrong, with a JSON pointer to it.",
      body: new Lines()
        .add("if (validator(value)) return null;", "const error = validator.errors?.[0];")
        .add("validator.errors = null;")
        .add('if (error === undefined) return { path: "", problem: "is not valid" };')
        .add("const missing = error.params.missingProperty;")
        .add('if (error.keyword === "required" && typeof missing === "string") {')
        .add('  const name = missing.replaceAll("~", "~0").replaceAll("/", "~1");')
        // biome-ignore lint/suspicious/noTemplateCurlyInString: generated text
        .add('  return { path: `${error.instancePath}/${name}`, problem: "is missing" };', "}")
        .add('return { path: error.instancePath, problem: error.message ?? "is not valid" };').text,
    },
    {
      kind: "function",
      name: "bare",
      exported: false,
      typeParameters: ["T extends object"],
      parameters: [{ name: "members", type: "T" }],
      returns: "T",
      body: "return Object.freeze(Object.assign(Object.create(null), members));",
      doc: "An object without a prototype: a name from the network finds what is listed, and nothing else.",
    },
    { kind: "raw", text: zeroText(model, module) },
  ];
}

function typesOf(m: ZeroMessageModel, name: string, specFile: string): Declaration[] {
  const declare = (suffix: string, schema: JsonSchema, whose: string): Declaration => {
    const doc = documentation(m, specFile, [whose]);
    const members = membersOf(schema);
    return members === undefined
      ? { kind: "alias", name: name + suffix, type: schemaType(schema), ...optionalDoc(doc) }
      : { kind: "interface", name: name + suffix, members, ...optionalDoc(doc) };
  };
  return [
    declare("Sys", m.sys, "The runtime's part."),
    declare("Body", m.body, "The application's part."),
  ];
}

/** Whether a message with this body must say something. */
export function hasRequired(schema: JsonSchema): boolean {
  const { required } = schema;
  return Array.isArray(required) && required.length > 0;
}

function membersOf(schema: JsonSchema) {
  if (schema["type"] !== "object" || isCombined(schema)) return undefined;
  const { properties } = schema;
  if (!isSchema(properties)) return [];
  const required = requiredOf(schema);
  return Object.entries(properties).map(([name, inner]) => {
    const optional = !required.has(name);
    const type = schemaType(inner);
    const description = isSchema(inner) ? inner["description"] : undefined;
    const doc =
      typeof description === "string" ? documentation({ doc: description }, "") : undefined;
    return {
      name: memberName(name),
      type: optional ? `${type} | undefined` : type,
      optional,
      ...optionalDoc(doc),
    };
  });
}

function isCombined(schema: JsonSchema): boolean {
  return ["anyOf", "oneOf", "allOf", "enum", "const", "$ref"].some((word) => word in schema);
}

function requiredOf(schema: JsonSchema): Set<unknown> {
  const { required } = schema;
  return new Set(Array.isArray(required) ? required : []);
}

/** The TypeScript type of what a schema accepts, as near as it is worth. */
export function schemaType(schema: unknown): string {
  if (!isSchema(schema)) return "unknown";
  if ("const" in schema) return literalType(schema["const"]);
  if (Array.isArray(schema["enum"])) return union(schema["enum"].map(literalType));
  for (const word of ["anyOf", "oneOf"]) {
    const choices = schema[word];
    if (Array.isArray(choices)) return union(choices.map(schemaType));
  }
  if ("allOf" in schema || "$ref" in schema) return "unknown";
  const { type } = schema;
  if (Array.isArray(type)) return union(type.map((t) => schemaType({ ...schema, type: t })));
  switch (type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return arrayType(schemaType(schema["items"]));
    case "object": {
      const { properties } = schema;
      if (!isSchema(properties)) return "Record<string, unknown>";
      const required = requiredOf(schema);
      const members = Object.entries(properties).map(([name, inner]) => {
        const text = schemaType(inner);
        const optional = required.has(name) ? [":", ""] : ["?:", " | undefined"];
        return `${memberName(name)}${optional[0]} ${text}${optional[1]}`;
      });
      return members.length === 0 ? "Record<string, never>" : `{ ${members.join("; ")} }`;
    }
    default:
      return "unknown";
  }
}

function arrayType(item: string): string {
  return /^[\w.[\]]+$/.test(item) ? `${item}[]` : `Array<${item}>`;
}

function literalType(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value === null || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  return "unknown";
}

function union(types: string[]): string {
  const all = [...new Set(types)];
  return all.includes("unknown") ? "unknown" : all.join(" | ");
}

function zeroText(model: Model, module: Module): string {
  const out = new Lines();
  const outer = (name: string) => module.type("stardust-udp/protocol", name);
  const validator = (name: string) => module.value("./validators.ts", name);
  out.block(
    `export const zero: ${outer("ZeroProtocol")} =`,
    () => {
      out.block(
        `messages: bare<Record<string, ${outer("ZeroMessageDefinition")}>>(`,
        () => {
          model.zero.messages.forEach((m, i) => {
            const { sys, body } = validatorNames(i);
            out.block(
              `${key(m.name)}:`,
              () => {
                out.add(`name: ${quote(m.name)},`, `from: ${quote(m.from)},`);
                out.add(`maxBytes: ${m.maxBytes},`);
                out.add(`validateSys: (value) => problemOf(${validator(sys)}, value),`);
                out.add(`validateBody: (value) => problemOf(${validator(body)}, value),`);
              },
              ",",
            );
          });
        },
        "),",
      );
      out.block(
        "states:",
        () => {
          for (const side of ["client", "server"] as const) {
            out.block(
              `${side}: bare(`,
              () => {
                for (const [state, row] of Object.entries(model.zero.states[side])) {
                  const pairs = Object.entries(row).map(([m, next]) => `${key(m)}: ${quote(next)}`);
                  const text = pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
                  out.add(`${key(state)}: bare<Record<string, string>>(${text}),`);
                }
              },
              "),",
            );
          }
        },
        ",",
      );
    },
    ";",
  );
  const text = out.text.replaceAll("( {", "({");
  return `/** The connection protocol: its messages by name, and states x messages -> next state. */\n${text}`;
}
