/**
 * In which cases members are at which of their edges: all members at once, so that a message has few cases, and yet each
 * member has been at every edge and no two with the same edges were always the same, which a decoder that takes one for
 * the other would not notice. Worst case: `most` rounds; then some edges, or differences, are left out.
 */

/** For each round the edge of each member; undefined for a member without any. */
export function roundsOf<T>(members: readonly (readonly T[])[], most: number): (T | undefined)[][] {
  const needed = members.map(({ length }) => roundsFor(length, members.length));
  const rounds = Math.min(most, Math.max(0, ...needed));
  return Array.from({ length: rounds }, (_, round) =>
    members.map((edges, place) => edges[edgeAt(edges.length, round, place)]),
  );
}

/** As many rounds as there are edges, in each of which one member is at one. */
export function oneByOne<T>(members: readonly (readonly T[])[]): (T | undefined)[][] {
  return members.flatMap((edges, place) =>
    edges.map((edge) => members.map((_, other) => (other === place ? edge : undefined))),
  );
}

/**
 * Each lap of `edges` rounds goes through all of them. Where in them it begins is a digit of the member's place, the next
 * digit in each lap: two places differ in one.
 */
function edgeAt(edges: number, round: number, place: number): number {
  const lap = Math.floor(round / edges);
  return (round + Math.floor(place / edges ** lap)) % edges;
}

/** One lap, and of the others the first round of the last. */
function roundsFor(edges: number, places: number): number {
  let laps = 1;
  for (let told = edges; edges > 1 && told < places; told *= edges) laps++;
  return laps === 1 ? edges : (laps - 1) * edges + 1;
}
