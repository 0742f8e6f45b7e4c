/**
 * `validators.ts`: the JSON Schemas of the bodies that the spec gives zero messages, compiled by ajv into functions that
 * need no ajv. Not the types (zero.ts), and nothing of the runtime's own part (own-messages.ts). Worst case of a
 * validator: linear in the value.
 */
import type { JsonSchema, Model, ZeroMessageModel } from "../model/model.ts";
import { textFormats } from "../model/text-formats.ts";
import { printFile } from "../print/declarations.ts";
import { Module, WIRE } from "../print/module.ts";
import { camel } from "../print/text.ts";

/** The messages whose body the application fills. */
export function withBody(model: Model): ZeroMessageModel[] {
  return model.zero.messages.filter(({ hasBody }) => hasBody);
}

/** The name of the validator of a message's body; undefined where the spec gives that no members. */
export function validatorName({ name, body }: ZeroMessageModel): string | undefined {
  const { properties } = body;
  const isEmpty = isSchema(properties) && Object.keys(properties).length === 0;
  return isEmpty ? undefined : `${camel(name)}Body`;
}

/** What ajv's output asks for with `require`, and what stands in for it. */
const helpers: Readonly<Record<string, string>> = {
  'require("ajv/dist/runtime/ucs2length").default': "codePointLength",
  'require("ajv/dist/runtime/equal").default': "jsonEqual",
};

type Standalone = (ajv: unknown, names: Readonly<Record<string, string>>) => string;

/** The text of the file, behind its preamble; undefined where nothing is left to validate. */
export async function emitValidators(model: Model): Promise<string | undefined> {
  const messages = withBody(model).filter((message) => validatorName(message) !== undefined);
  if (messages.length === 0) return undefined;
  const { Ajv } = await import("ajv");
  const standalone = await import("ajv/dist/standalone/index.js");
  const ajv = new Ajv({
    code: { esm: true, source: true, lines: true },
    ownProperties: true,
    removeAdditional: true,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // model/zero-schema.ts has checked them, keyword by keyword; compiling the meta-schema takes longer than all of them.
    meta: false,
    validateSchema: false,
    logger: false,
    formats: Object.fromEntries(
      Object.entries(textFormats).map(([name, { pattern }]) => [name, pattern]),
    ),
  });
  const names: Record<string, string> = {};
  for (const message of messages) {
    const id = validatorName(message)!;
    ajv.addSchema({ ...closed(plain(message.body, message.name)), $id: id });
    names[id] = id;
  }
  // CommonJS seen from an ES module: the function is the default of the default.
  const made = standalone.default as unknown as { default?: Standalone } & Standalone;
  const module = new Module();
  const text = typed(withoutRequire((made.default ?? made)(ajv, names), module), module);
  return `// @ts-nocheck\n${printFile(module.imports, [{ kind: "raw", text }])}`;
}

/**
 * Ajv gives no tree of what it writes, only text: what is particular to its form (a `"use strict"`, `require` calls and
 * exports) is taken out by patterns here, and what they do not know throws. Text that is ours is never changed like this.
 */
function withoutRequire(text: string, module: Module): string {
  let out = text.replace(/^"use strict";\s*/, "");
  for (const [required, ours] of Object.entries(helpers)) {
    if (out.includes(required)) out = out.replaceAll(required, module.value(WIRE, ours));
  }
  if (/\brequire\s*\(/.test(out)) throw new Error("ajv's output needs a helper that is not known");
  return out;
}

function typed(text: string, module: Module): string {
  const type = module.type(WIRE, "Validator");
  return text
    .replace(/^\s*export const (\w+) = (\w+);/gm, `\nexport const $1: ${type} = $2;\n`)
    .trim();
}

const droppedKeys = new Set([
  "$id",
  "$schema",
  "$comment",
  "$anchor",
  "title",
  "description",
  "secret",
]);

/** Keywords whose value maps names to schemas, or is data: the keys inside are no keywords. */
const mapKeys = new Set(["properties", "patternProperties", "$defs", "definitions"]);
const dataKeys = new Set(["enum", "const", "default", "examples", "required"]);

/** The schema without what changes identity; references must stay inside it. */
function plain(schema: JsonSchema, message: string): JsonSchema {
  const copy = (value: unknown, keywords: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => copy(item, true));
    if (typeof value !== "object" || value === null) return value;
    const out: [string, unknown][] = [];
    for (const [key, inner] of Object.entries(value)) {
      if (keywords && droppedKeys.has(key)) continue;
      if (keywords && key === "$ref" && !String(inner).startsWith("#/")) {
        throw new Error(`zero message ${message}: a $ref must start with #/`);
      }
      if (keywords && dataKeys.has(key)) out.push([key, inner]);
      else out.push([key, copy(inner, !(keywords && mapKeys.has(key)))]);
    }
    return Object.fromEntries(out);
  };
  return copy(schema, true) as JsonSchema;
}

/** The schema with every object closed that names its members, so that the rest is removed. */
function closed(schema: JsonSchema): JsonSchema {
  const out: Record<string, unknown> = { ...schema };
  const { properties, items } = schema;
  if (isSchema(properties)) {
    out["properties"] = Object.fromEntries(
      Object.entries(properties).map(([name, inner]) => [
        name,
        isSchema(inner) ? closed(inner) : inner,
      ]),
    );
  }
  if (isSchema(items)) out["items"] = closed(items);
  const combined = ["anyOf", "oneOf", "allOf", "if", "$ref", "not"].some((key) => key in schema);
  if (schema["type"] === "object" && !combined) out["additionalProperties"] ??= false;
  return out;
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
