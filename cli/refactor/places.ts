/** Places of the user's code that are told: file, line and column. Worst case: MAX_PLACES of them. */
import type { ts } from "ts-morph";

const MAX_PLACES = 100;

export interface Place {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

export function placeOf(source: ts.SourceFile, offset: number, what: string): Place {
  const { line, character } = source.getLineAndCharacterOfPosition(offset);
  return { path: source.fileName, line: line + 1, column: character + 1, what };
}

/** What stands there, in short. */
export function excerpt(node: ts.Node): string {
  return node.getText().split("\n")[0]!.slice(0, 60);
}

/** In order, each place once, no more than are read. */
export function listed(places: readonly Place[]): { places: Place[]; more: number } {
  const by = new Map(places.map((one) => [`${one.path}:${one.line}:${one.column}`, one]));
  const all = [...by.values()].sort(
    (a, b) =>
      (a.path < b.path ? -1 : a.path > b.path ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
  return { places: all.slice(0, MAX_PLACES), more: Math.max(0, all.length - MAX_PLACES) };
}
