/**
 * What became of numbered choices (the values of an enum, the variants of a union) between two versions. Only the number
 * is on the wire; the name tells whether a number still means the same. Nothing is reported here.
 */

interface Choice {
  readonly name: string;
}

/** One choice: `before` is missing where it was added, `after` where it is gone. */
export interface Fate<T> {
  readonly kind: "kept" | "renamed" | "renumbered" | "removed" | "added";
  readonly before?: T;
  readonly after?: T;
}

/** The older ones in their order, then those that were added. */
export function fatesOf<T extends Choice>(
  was: readonly T[],
  is: readonly T[],
  numberOf: (choice: T) => number,
): Fate<T>[] {
  const named = (list: readonly T[], name: string) => list.find((choice) => choice.name === name);
  const numbered = (list: readonly T[], like: T) =>
    list.find((choice) => numberOf(choice) === numberOf(like));
  const fates = was.map((before): Fate<T> => {
    const after = named(is, before.name);
    if (after !== undefined) {
      return { kind: numberOf(before) === numberOf(after) ? "kept" : "renumbered", before, after };
    }
    const there = numbered(is, before);
    // A name that the older version gave to another number has not taken this one's place.
    const renamed = there !== undefined && named(was, there.name) === undefined;
    return renamed ? { kind: "renamed", before, after: there } : { kind: "removed", before };
  });
  for (const after of is) {
    const known = named(was, after.name) ?? numbered(was, after);
    if (known === undefined) fates.push({ kind: "added", after });
  }
  return fates;
}
