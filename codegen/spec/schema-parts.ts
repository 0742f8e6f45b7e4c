/** What the spec's JSON Schema is put together from. Which keys a map has, whoever reads it says: kinds/ and editor-schema.ts. */
import { MAX_NAME } from "./names.ts";

export type Schema = Readonly<Record<string, unknown>>;

export const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` });
export const text = (description: string): Schema => ({ type: "string", description });
export const flag = (description: string): Schema => ({ type: "boolean", description });
export const whole = (minimum: number, maximum: number, description: string): Schema => ({
  type: "integer",
  minimum,
  maximum,
  description,
});

/** A map with these keys and no others. */
export function closed(
  description: string | undefined,
  properties: Schema,
  required: readonly string[] = [],
): Schema {
  return {
    type: "object",
    ...(description === undefined ? {} : { description }),
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    properties,
  };
}

/** Names of members, values and variants: any text. */
export const freeNames: Schema = { type: "string", minLength: 1, maxLength: MAX_NAME };
