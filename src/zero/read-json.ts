/**
 * The one way in which JSON of the other side is read: a scan of the bytes, strict UTF-8, JSON.parse, no key that reaches for
 * a prototype, no half of a surrogate pair; and it must be an object. Nothing throws. Worst case: linear in the bytes, which
 * the caller bounds.
 */
import { utf8Read } from "../wire/utf8.ts";
import { hasForbiddenKey, loneSurrogate, scanJson } from "./scan.ts";

/** What is wrong with a text that was to be a JSON object. */
export type JsonProblem =
  | "droppedScan"
  | "droppedForbidden"
  | "droppedUtf8"
  | "droppedJson"
  | "droppedEnvelope";

/** The object that `bytes[start..end)` is. */
export function readJsonObject(
  bytes: Uint8Array,
  start: number,
  end: number,
): Record<string, unknown> | JsonProblem {
  const problem = scanJson(bytes, start, end);
  if (problem !== undefined) return problem === "scan" ? "droppedScan" : "droppedForbidden";
  const text = utf8Read(bytes, start, end - start);
  if (text === undefined) return "droppedUtf8";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "droppedJson";
  }
  if (!isObject(value)) return "droppedEnvelope";
  // Without an escape, keys are what the scan has seen, and UTF-8 has no surrogates: there is nothing more to be found.
  if (!text.includes("\\")) return value;
  if (hasForbiddenKey(value)) return "droppedForbidden";
  return loneSurrogate(value) === undefined ? value : "droppedUtf8";
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
