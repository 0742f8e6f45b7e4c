/**
 * The account of one direction of a connection: what `send` has taken of each reliable channel, and what has come out of it.
 * What has come is struck off at once, so that it takes memory for what is under way alone.
 */

/** Reliable channels of the spec, and whether their messages come in order. */
export const ordered = { line: true, loose: false, big: true } as const;
export type Channel = keyof typeof ordered;
export const channels = Object.keys(ordered) as readonly Channel[];

export class Account {
  readonly #underWay: Record<Channel, Set<number>> = {
    line: new Set(),
    loose: new Set(),
    big: new Set(),
  };
  /** Messages that have come. */
  received = 0;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  taken(channel: Channel, n: number): void {
    this.#underWay[channel].add(n);
  }

  /** Throws where it is not what had to come. */
  came(channel: Channel, n: number): void {
    const underWay = this.#underWay[channel];
    const [first] = underWay;
    if (ordered[channel] && first !== n) {
      throw new Error(`${this.#name}: ${channel} ${n} came, and ${first ?? "none"} was next`);
    }
    if (!underWay.delete(n)) {
      throw new Error(`${this.#name}: ${channel} ${n} came twice, or was never sent`);
    }
    this.received++;
  }

  get underWay(): number {
    return channels.reduce((sum, channel) => sum + this.#underWay[channel].size, 0);
  }

  toString(): string {
    const open = channels.map((channel) => `${this.#underWay[channel].size} ${channel}`);
    return `${this.#name}: ${open.join(", ")} under way`;
  }
}
