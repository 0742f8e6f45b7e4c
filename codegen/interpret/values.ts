/**
 * Values of messages as JSON data: one notation for what JSON has no word for, so that whoever writes them down and whoever
 * reads them back cannot disagree. What a leaf's value is, kinds/ says.
 */

/** Sets a member as an own one, whatever its name. */
export function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else {
    const own = { value, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(object, name, own);
  }
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** How the notation is explained wherever it is used. */
export const NOTATION: string =
  'Members that are absent are left out. {"$bigint":"…"} is a 64-bit integer in decimal, {"$bytes":"…"} are bytes in ' +
  'hexadecimal, {"$map":[[key,value],…]} is a map with its entries in their order, {"$number":"-0"} is negative zero, ' +
  '{"$number":"NaN"} is NaN. A ' +
  'union is {"kind":…,"value":…}, with the name of its variant.';

/** A value as JSON data: what JSON cannot hold becomes an object with one member that begins with `$`. */
export function toJsonData(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof Uint8Array) return { $bytes: hexOf(value) };
  if (Object.is(value, -0)) return { $number: "-0" };
  if (Number.isNaN(value)) return { $number: "NaN" };
  if (value instanceof Map) {
    return { $map: [...value].map(([key, of]) => [toJsonData(key), toJsonData(of)]) };
  }
  if (Array.isArray(value)) return value.map(toJsonData);
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) put(result, name, toJsonData(member));
  }
  return result;
}
