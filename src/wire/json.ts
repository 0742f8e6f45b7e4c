/**
 * What generated code asks for around validators that ajv compiled, so that it needs no ajv at run time. Nothing of the
 * wire itself. Worst case: linear in the string, and in the smaller of two JSON values.
 */

/** A validator as ajv compiles it; `errors` is of the last call. */
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

/** The first thing that a check finds wrong with a JSON value. */
export interface JsonProblem {
  /** JSON pointer into the value, e.g. `/name`. */
  readonly path: string;
  readonly problem: string;
}

/** The first thing that a validator finds wrong. */
export function problemOf(validator: Validator, value: unknown): JsonProblem | null {
  if (validator(value)) return null;
  const error = validator.errors?.[0];
  validator.errors = null;
  if (error === undefined) return { path: "", problem: "is not valid" };
  const missing = error.params["missingProperty"];
  if (error.keyword === "required" && typeof missing === "string") {
    const name = missing.replaceAll("~", "~0").replaceAll("/", "~1");
    return { path: `${error.instancePath}/${name}`, problem: "is missing" };
  }
  return { path: error.instancePath, problem: error.message ?? "is not valid" };
}

/** Validates an object to which the spec gives no members: removes those that it has, as validators do. */
export function emptied(value: unknown): JsonProblem | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { path: "", problem: "must be object" };
  }
  for (const key of Object.keys(value)) delete (value as Record<string, unknown>)[key];
  return null;
}

/** Characters of a string as JSON Schema counts them: code points, a lone surrogate being one. */
export function codePointLength(value: string): number {
  let count = value.length;
  for (let i = 0; i + 1 < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = value.charCodeAt(i + 1);
    if (next < 0xdc00 || next > 0xdfff) continue;
    count--;
    i++;
  }
  return count;
}

/** Whether two JSON values are equal; order of members does not matter. Recursion is as deep as the values are. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    if (!jsonEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) {
      return false;
    }
  }
  return true;
}
