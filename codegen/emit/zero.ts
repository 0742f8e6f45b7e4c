/**
 * `zero.ts`: the bodies that the spec gives zero messages, as types and with their validators, which are in
 * validators.ts. All else of the connection protocol is the runtime's own (own-messages.ts).
 */
import type { JsonSchema, Model, ZeroMessageModel } from "../model/model.ts";
import { secretNames } from "../model/secrets.ts";
import type { Declaration } from "../print/declarations.ts";
import { type Module, WIRE } from "../print/module.ts";
import {
  documentation,
  key,
  Lines,
  memberName,
  optionalDoc,
  pascal,
  quote,
} from "../print/text.ts";
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
function schemaType(schema: unknown): string {
  return typeOf(schema).text;
}

interface SchemaType {
  readonly text: string;
  /** Whether `[]` may stand behind it: `Array<…>` is easier to read around anything longer. */
  readonly isWord: boolean;
}

function word(text: string): SchemaType {
  return { text, isWord: true };
}

function longer(text: string): SchemaType {
  return { text, isWord: false };
}

function typeOf(schema: unknown): SchemaType {
  if (!isSchema(schema)) return word("unknown");
  if ("const" in schema) return literalType(schema["const"]);
  if (Array.isArray(schema["enum"])) return union(schema["enum"].map(literalType));
  for (const keyword of ["anyOf", "oneOf"]) {
    const choices = schema[keyword];
    if (Array.isArray(choices)) return union(choices.map(typeOf));
  }
  if ("allOf" in schema || "$ref" in schema) return word("unknown");
  const { type } = schema;
  if (Array.isArray(type)) return union(type.map((t) => typeOf({ ...schema, type: t })));
  switch (type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return word(type);
    case "integer":
      return word("number");
    case "array": {
      const item = typeOf(schema["items"]);
      return item.isWord ? word(`${item.text}[]`) : longer(`Array<${item.text}>`);
    }
    case "object":
      return longer(objectType(schema));
    default:
      return word("unknown");
  }
}

function objectType(schema: JsonSchema): string {
  const { properties } = schema;
  if (!isSchema(properties)) return "Record<string, unknown>";
  const required = requiredOf(schema);
  const members = Object.entries(properties).map(([name, inner]) => {
    const optional = required.has(name) ? [":", ""] : ["?:", " | undefined"];
    return `${memberName(name)}${optional[0]} ${schemaType(inner)}${optional[1]}`;
  });
  return members.length === 0 ? "Record<string, never>" : `{ ${members.join("; ")} }`;
}

function literalType(value: unknown): SchemaType {
  if (typeof value === "string") return longer(quote(value));
  if (typeof value === "number" && value < 0) return longer(String(value));
  if (value === null || typeof value === "number" || typeof value === "boolean") {
    return word(String(value));
  }
  return word("unknown");
}

function union(types: readonly SchemaType[]): SchemaType {
  const all = new Map(types.map((type) => [type.text, type]));
  const [first, ...rest] = all.values();
  if (first === undefined) return word("never");
  return all.get("unknown") ?? (rest.length === 0 ? first : longer([...all.keys()].join(" | ")));
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
      const secret = model.zero.messages.flatMap(({ name, body }) =>
        name === "join" ? secretNames(body) : [],
      );
      if (secret.length > 0) out.add(`secrets: [${secret.map(quote).join(", ")}],`);
      const join = model.zero.messages.find(({ name }) => name === "join");
      if (join?.bodyBytes !== undefined) out.add(`joinBytes: ${join.bodyBytes},`);
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
