/** How deep recursive types lie in each other while a message is read, written or made up. What is too deep is refused. */

/** A struct or union, as far as its bounds go. */
export interface Recursive {
  readonly name: string;
  readonly recursion?: {
    readonly head: string;
    readonly maxDepth: number;
    readonly maxBytes?: number;
  };
}

/** How many of each recursive type are open: only the head of a cycle counts. */
export class Nesting {
  readonly #open = new Map<string, number>();

  /** Runs `inside` one level deeper; where that is too deep, `refuse` throws instead. */
  within<T>(self: Recursive, refuse: (maxDepth: number) => never, inside: () => T): T {
    const { name, recursion } = self;
    if (recursion?.head !== name) return inside();
    const open = this.#open.get(name) ?? 0;
    if (open >= recursion.maxDepth) refuse(recursion.maxDepth);
    this.#open.set(name, open + 1);
    try {
      return inside();
    } finally {
      this.#open.set(name, open);
    }
  }
}

/** The bound on the bytes of a recursive value, where it is the one that counts and the spec gives one. */
export function totalBytes(self: Recursive): number {
  const { name, recursion } = self;
  return (recursion?.head === name ? recursion.maxBytes : undefined) ?? Number.POSITIVE_INFINITY;
}
