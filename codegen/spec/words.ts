/** A key whose value is one of a few words. */
import type { Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import type { Fields } from "./fields.ts";
import { quote } from "./node.ts";

/** The word of a key, one of those that may stand there; another is reported, and taken for the one that is near. */
export function parseWord<W extends string>(
  fields: Fields,
  key: string,
  words: readonly W[],
  what: string,
  d: Diagnostics,
): W | undefined {
  const word = fields.text(key);
  if (word === undefined) return undefined;
  const known = words.find((one) => one === word);
  if (known !== undefined) return known;
  const params = { value: quote(word), what };
  const suggestion = suggest(word, words);
  d.report("SD1108", fields.entry(key)!.value.span, params, { suggestion });
  return words.find((one) => one === suggestion);
}
