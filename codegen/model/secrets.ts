/** Members of a body that are marked `secret`: they travel sealed beside it. Where a spec may mark one is model/zero-schema.ts's. */
import type { JsonSchema } from "./model.ts";

function members(schema: JsonSchema): [string, JsonSchema][] {
  return Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>);
}

/** Their names, in the order of the spec. */
export function secretNames(schema: JsonSchema): string[] {
  return members(schema)
    .filter(([, member]) => member["secret"] === true)
    .map(([name]) => name);
}

/** The schema of what is sealed; undefined where nothing is. */
export function secretSchema(schema: JsonSchema): JsonSchema | undefined {
  const secret = secretNames(schema);
  if (secret.length === 0) return undefined;
  const { required } = schema;
  return {
    ...schema,
    required: Array.isArray(required) ? required.filter((name) => secret.includes(name)) : [],
    properties: Object.fromEntries(members(schema).filter(([name]) => secret.includes(name))),
  };
}

/** The schema of what is left of a body for all to read. */
export function readableSchema(schema: JsonSchema): JsonSchema {
  const secret = secretNames(schema);
  if (secret.length === 0) return schema;
  const { required } = schema;
  const properties = members(schema).filter(([name]) => !secret.includes(name));
  return {
    ...schema,
    ...(Array.isArray(required) && { required: required.filter((name) => !secret.includes(name)) }),
    properties: Object.fromEntries(properties),
  };
}
