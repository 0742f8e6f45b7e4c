/**
 * `zero.ts`: the bodies that the spec gives zero messages, as types and with their validators, which are in
 * validators.ts. All else of the connection protocol is the runtime's own (own-messages.ts).
 */
import type { JsonSchema, Model, ZeroMessageModel } from "../model/model.ts";
import { type Module, WIRE } from "./module.ts";
import type { Declaration } from "./source.ts";
import { documentation, key, Lines, memberName, optionalDoc, pascal, quote } from "./text.ts";
import { isSchema, validatorName, withBody } from "./validators.ts";

/** The type of a message's body. */
export function bodyName({ name }: ZeroMessageModel): string {
  return `${pascal(name)}Body`;
}

export function emitZero(model: Model, module: Module): Declaration[] {
  return [
    ...withBody(model).map((m) => bodyType(m, model.specFile)),
    { kind: "raw", text: zeroText(model, module) },
  ];
}

function bodyType(m: ZeroMessageModel, specFile: string): Declaration {
  const doc = documentation(m, specFile, ["The application's part."]);
  const name = bodyName(m);
  const members = membersOf(m.body);
  return members === undefined
    ? { kind: "alias", name, type: schemaType(m.body), ...optionalDoc(doc) }
    : { kind: "interface", name, members, ...optionalDoc(doc) };
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

/** The TypeScript type of what a schema accepts; `unknown` where it would be complicated. */
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
  out.block(
    `export const zero: ${module.type("stardust-udp/protocol", "ZeroProtocol")} =`,
    () => {
      out.block(
        "bodies:",
        () => {
          for (const message of withBody(model)) {
            out.add(`${key(message.name)}: ${validatorText(message, module)},`);
          }
        },
        ",",
      );
    },
    ";",
  );
  return `/** What the application says in the connection protocol's messages, checked. */\n${out.text}`;
}

function validatorText(message: ZeroMessageModel, module: Module): string {
  const name = validatorName(message);
  if (name === undefined) return module.value(WIRE, "emptied");
  const validator = module.value("./validators.ts", name);
  return `(value) => ${module.value(WIRE, "problemOf")}(${validator}, value)`;
}
