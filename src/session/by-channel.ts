/**
 * Lists with a place for each channel up to the highest that is used. They grow by one rarely, and a session has two: an array
 * that grows by `push` keeps room for sixteen more, so each is made anew. Worst case: one visit to each place.
 */

/** That of a session that has used none; nobody writes to it. */
export const noneByChannel: never[] = [];

/** A list with `item` at `index`, and all that another has. */
export function placed<Item>(
  list: readonly (Item | undefined)[],
  index: number,
  item: Item,
): (Item | undefined)[] {
  const made = new Array<Item | undefined>(Math.max(list.length, index + 1)).fill(undefined);
  for (const [i, one] of list.entries()) made[i] = one;
  made[index] = item;
  return made;
}
