/**
 * The two helpers that validators compiled by ajv ask for, so that generated code needs no ajv at run time. Nothing
 * of the wire itself. Worst case: linear in the string, and in the smaller of two JSON values.
 */

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
