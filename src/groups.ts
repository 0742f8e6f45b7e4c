/**
 * Groups of peers by name: who is in which, and sending to all of one. The same for a server, whose groups lie over all
 * ports, and for systems, whose groups are those of their port. A group is there while somebody is in it: what `group`
 * returns is a handle that may be kept or made anew. Worst case: joining and leaving one group costs the same whatever
 * there is beside; a peer that goes costs one step for each group that it was in.
 */
import type { StardustError } from "./errors.ts";
import type {
  BroadcastOptions,
  BroadcastResult,
  BroadcastTarget,
  NoticedBroadcastOptions,
} from "./face.ts";
import {
  checkedElsewhere,
  checkOptions,
  invalidOption,
  type OptionsOf,
  shown,
  text,
} from "./options.ts";

/** Peers under one name. Who is iterated over is there, or is just leaving. */
export interface Group<P, Send> extends Iterable<P> {
  readonly name: string;
  /** How many are in it. */
  readonly size: number;
  /** To everybody in it, as a broadcast: encoded once. */
  readonly send: Send;
  has(peer: P): boolean;
  /** Takes a peer in; it leaves by itself when it goes. Throws STARDUST_CLOSED for one that has gone. */
  add(peer: P): this;
  /** False: it was not in it. */
  delete(peer: P): boolean;
}

export interface GroupsOptions<P, Send> {
  /** Throws for a peer that has gone: it would never leave. */
  readonly check: (peer: P) => void;
  /** Types a target. */
  readonly dress: (target: BroadcastTarget) => Send;
  readonly broadcast: (
    members: ReadonlySet<P>,
    channel: number,
    message: unknown,
    options: NoticedBroadcastOptions,
  ) => BroadcastResult;
}

const NO_NAMES: ReadonlySet<string> = new Set();
const NOBODY: ReadonlySet<never> = new Set();

export class Groups<P extends object, Send> {
  readonly #o: GroupsOptions<P, Send>;
  readonly #members = new Map<string, Set<P>>();
  readonly #names = new Map<P, Set<string>>();

  constructor(options: GroupsOptions<P, Send>) {
    this.#o = options;
  }

  group(name: string): Group<P, Send> {
    if (name === undefined)
      throw invalidOption("name: a group has a text for its name, not undefined");
    checkOptions("group", { name }, groupTable);
    return new NamedGroup(name, this, this.#o.dress);
  }

  /** Names of the groups that a peer is in. */
  of(peer: P): ReadonlySet<string> {
    return this.#names.get(peer) ?? NO_NAMES;
  }

  members(name: string): ReadonlySet<P> {
    return this.#members.get(name) ?? NOBODY;
  }

  add(name: string, peer: P): void {
    if (!isPeer(peer)) throw notAPeer("add", peer);
    this.#o.check(peer);
    setOf(this.#members, name).add(peer);
    setOf(this.#names, peer).add(name);
  }

  delete(name: string, peer: P): boolean {
    if (!this.#remove(name, peer)) return false;
    const names = this.#names.get(peer)!;
    names.delete(name);
    if (names.size === 0) this.#names.delete(peer);
    return true;
  }

  /** The peer has gone. */
  forget(peer: P): void {
    for (const name of this.of(peer)) this.#remove(name, peer);
    this.#names.delete(peer);
  }

  broadcast(
    name: string,
    channel: number,
    message: unknown,
    options: NoticedBroadcastOptions = {},
  ): BroadcastResult {
    return this.#o.broadcast(this.members(name), channel, message, options);
  }

  /** A group that nobody is in any more takes no memory. */
  #remove(name: string, peer: P): boolean {
    const members = this.#members.get(name);
    if (members?.delete(peer) !== true) return false;
    if (members.size === 0) this.#members.delete(name);
    return true;
  }
}

/** The set of a key; a new one where there is none. */
function setOf<K, V>(sets: Map<K, Set<V>>, key: K): Set<V> {
  const known = sets.get(key);
  if (known !== undefined) return known;
  const made = new Set<V>();
  sets.set(key, made);
  return made;
}

class NamedGroup<P extends object, Send> implements Group<P, Send> {
  readonly name: string;
  readonly send: Send;
  readonly #groups: Groups<P, Send>;

  constructor(name: string, groups: Groups<P, Send>, dress: (target: BroadcastTarget) => Send) {
    this.name = name;
    this.#groups = groups;
    this.send = dress({
      broadcast: (channel, message, options) => groups.broadcast(name, channel, message, options),
    });
  }

  get size(): number {
    return this.#groups.members(this.name).size;
  }

  has(peer: P): boolean {
    return this.#groups.members(this.name).has(peer);
  }

  add(peer: P): this {
    this.#groups.add(this.name, peer);
    return this;
  }

  delete(peer: P): boolean {
    return this.#groups.delete(this.name, peer);
  }

  [Symbol.iterator](): Iterator<P> {
    return this.#groups.members(this.name)[Symbol.iterator]();
  }
}

/** Ids that a broadcast leaves out; undefined: none. */
export function excepted(options: BroadcastOptions): ReadonlySet<number> | undefined {
  checkOptions("a broadcast", options, broadcastTable);
  const { except } = options;
  if (except === undefined) return undefined;
  const all = isIterable(except) ? except : [except];
  const ids = new Set<number>();
  for (const peer of all) {
    if (!isPeer(peer)) throw notAPeer("except", peer);
    ids.add(peer.id);
  }
  return ids;
}

const groupTable = { name: text };
/** A token is checked with its channel. */
const broadcastTable: OptionsOf<NoticedBroadcastOptions> = {
  except: checkedElsewhere,
  token: checkedElsewhere,
};

function isIterable<T>(value: T | Iterable<T>): value is Iterable<T> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isPeer(value: unknown): value is { readonly id: number } {
  return typeof (value as { readonly id?: unknown } | null | undefined)?.id === "number";
}

function notAPeer(where: string, value: unknown): StardustError {
  return invalidOption(`${where}: must be a peer, not ${shown(value)}`);
}
