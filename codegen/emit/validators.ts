/**
 * `validators.ts`: the JSON Schemas of the zero messages, compiled by ajv into functions that need no ajv. Not the types
 * and not the problems' wording (zero.ts). Worst case of a validator: linear in the value, unless a pattern of the spec
 * backtracks, which lint looks for.
 */
import type { JsonSchema, Model, ZeroMessageModel } from "../model/model.ts";

/** The names under which a message's two validators are exported; never the spec's own words. */
export function validatorNames(index: number): { readonly sys: string; readonly body: string } {
  return { sys: `z${index * 2}`, body: `z${index * 2 + 1}` };
}

/** What ajv's output asks for with `require`, and what stands in for it. */
const helpers: Readonly<Record<string, string>> = {
  'require("ajv/dist/runtime/ucs2length").default': "codePointLength",
  'require("ajv/dist/runtime/equal").default': "jsonEqual",
};

type Standalone = (ajv: unknown, names: Readonly<Record<string, string>>) => string;

/** The text of the file, behind its preamble. */
export async function emitValidators(model: Model): Promise<string> {
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
  });
  const names: Record<string, string> = {};
  const add = (id: string, schema: JsonSchema) => {
    ajv.addSchema({ ...schema, $id: id });
    names[id] = id;
  };
  model.zero.messages.forEach((message: ZeroMessageModel, i) => {
    const { sys, body } = validatorNames(i);
    add(sys, plain(message.sys, message.name));
    add(body, closed(plain(message.body, message.name)));
  });
  // CommonJS seen from an ES module: the function is the default of the default.
  const made = standalone.default as unknown as { default?: Standalone } & Standalone;
  const compiled = (made.default ?? made)(ajv, names);
  return `${header}${typed(withoutRequire(compiled))}\n`;
}

const header = `// @ts-nocheck
import { codePointLength, jsonEqual } from "stardust-udp/wire";

/** A validator as ajv compiles it; \`errors\` is of the last call. */
export interface Validator {
  (value: unknown): boolean;
  errors?: readonly ValidatorError[] | null | undefined;
}

export interface ValidatorError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string | undefined;
}

`;

function withoutRequire(text: string): string {
  let out = text.replace(/^"use strict";\s*/, "");
  for (const [required, ours] of Object.entries(helpers)) out = out.replaceAll(required, ours);
  if (/\brequire\s*\(/.test(out)) throw new Error("ajv's output needs a helper that is not known");
  return out;
}

function typed(text: string): string {
  return text.replace(/^\s*export const (z\d+) = (\w+);/gm, "\nexport const $1: Validator = $2;\n");
}

const droppedKeys = new Set(["$id", "$schema", "$comment", "$anchor", "title", "description"]);

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
