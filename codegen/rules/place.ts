/** Where a finding of a rule stands: rules know lines and words, diagnostics want columns. */
import type { Source } from "../spec/source.ts";

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

/** The word on its line, or all that the line has where the word is not there. */
export function placeOf(source: Source, line: number, word: string): Place {
  const text = source.line(line);
  const found = text.search(new RegExp(`(?<![\\w-])${escapeRegExp(word)}(?![\\w-])`, "u"));
  const from = found >= 0 ? found : text.search(/\S/);
  const length = found >= 0 ? word.length : text.trim().length;
  const column = Math.max(0, from) + 1;
  return { file: source.name, line, column, endColumn: column + Math.max(1, length) };
}

/** The first line on which the word is a key; the first line of all where there is none. */
export function lineOfKey(source: Source, word: string): number {
  const index = source.text
    .split("\n")
    .findIndex((line) =>
      new RegExp(`(^|[\\s{,])${escapeRegExp(word)}\\s*:`, "u").test(line.replace(/\s#.*/, "")),
    );
  return index < 0 ? 1 : index + 1;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
