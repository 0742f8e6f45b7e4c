/**
 * The words of JSON Schema that the tables of a spec are written in: the parser reads keys and bounds of them, editors
 * get them as they are. Not a validator.
 */
import { MAX_NAME } from "./names.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** Of a map with keys of its own, and no others. */
export interface MapSchema extends Schema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

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
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): MapSchema {
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
