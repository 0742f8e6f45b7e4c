/**
 * How many each address has of something, and whether it may have one more: so that none has all of a table that others
 * need too. IPv6 addresses count by their first 64 bits, since whoever has one has all of those. Only what has a count
 * is remembered: the worst case is an entry for each thing counted. Not here: what is counted, and for how long.
 */

/** Whether one address may have all: they are on this machine, where bots, load tests and proxies are. */
function isLoopback(address: string): boolean {
  const host = hostOf(address);
  return host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Without the zone of a link-local address; an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) is the IPv4 one.
 */
function hostOf(address: string): string {
  const zone = address.indexOf("%");
  const host = zone < 0 ? address : address.slice(0, zone);
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host;
}

const PREFIX_GROUPS = 4;

/** What an address counts as: itself, or the prefix of an IPv6 address. */
export function networkOf(address: string): string {
  // No text is made of an IPv4 address, which is what most are.
  if (!address.includes(":")) return address;
  const host = hostOf(address);
  if (!host.includes(":")) return host;
  const [front = "", back] = host.split("::");
  const groups = groupsOf(front);
  if (back !== undefined) {
    const behind = groupsOf(back);
    while (groups.length + behind.length < 8) groups.push("0");
    groups.push(...behind);
  }
  const prefix = groups.slice(0, PREFIX_GROUPS).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${prefix.join(":").toLowerCase()}::/64`;
}

/** The last may be an IPv4 address, which is two. */
function groupsOf(part: string): string[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
}

export class AddressCounts {
  readonly #counts = new Map<string, number>();
  readonly #limit: number;
  readonly #loopback: boolean;

  /** `limit` is each address's; `loopback` says whether it holds for those of this machine too. */
  constructor(limit: number, loopback: boolean) {
    this.#limit = limit;
    this.#loopback = loopback;
  }

  /** How many addresses have anything. */
  get size(): number {
    return this.#counts.size;
  }

  /** Whether the address may have one more. */
  hasRoom(address: string): boolean {
    if (!this.#loopback && isLoopback(address)) return true;
    return (this.#counts.get(networkOf(address)) ?? 0) < this.#limit;
  }

  add(address: string): void {
    const network = networkOf(address);
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1);
  }

  /** Of one that was added. */
  remove(address: string): void {
    const network = networkOf(address);
    const count = this.#counts.get(network)! - 1;
    if (count > 0) this.#counts.set(network, count);
    else this.#counts.delete(network);
  }
}
