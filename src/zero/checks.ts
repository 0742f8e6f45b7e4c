/**
 * The few questions that own-checks.ts asks of members of `sys`: they answer as JSON Schema does. Values come from
 * JSON.parse. Not the schemas of a spec, which ajv compiles. Worst case: linear in the value.
 */
import { codePointLength } from "../wire/json.ts";

export function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

export function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && least <= (value as number) && (value as number) <= most;
}

/** Characters are code points. */
export function isText(value: unknown, least: number, most: number): boolean {
  if (typeof value !== "string") return false;
  const length = codePointLength(value);
  return least <= length && length <= most;
}

export function isOneOf(value: unknown, choices: readonly string[]): boolean {
  return (choices as readonly unknown[]).includes(value);
}

export function isList(
  value: unknown,
  least: number,
  most: number,
  isGood: (item: unknown) => boolean,
): boolean {
  return (
    Array.isArray(value) && least <= value.length && value.length <= most && value.every(isGood)
  );
}
