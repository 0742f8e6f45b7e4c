/**
 * The layouts of two versions of a message, member by member. Names are not on the wire, so a member at the same place
 * with the same type under another name was renamed. Structs are compared pair by pair, each pair once: what is found
 * in a struct that several messages share is said once.
 */
import { canonicalJson } from "../model/canonical.ts";
import type {
  Documentation,
  EnumModel,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
} from "../model/model.ts";
import type { Report } from "./breaking-table.ts";
import { innerTypes } from "./walk.ts";

type Lines = readonly [older: number, newer: number];
type MemberPairs = ReadonlyMap<MemberModel, MemberModel>;

export class LayoutComparison {
  readonly #older: Model;
  readonly #newer: Model;
  readonly #report: Report;
  /** Pairs of structs or enums that are done: whether they are the same on the wire. */
  readonly #done = new Map<string, boolean>();

  constructor(older: Model, newer: Model, report: Report) {
    this.#older = older;
    this.#newer = newer;
    this.#report = report;
  }

  /** Reports what differs between two structs, by name; says whether they are the same on the wire. */
  compare(olderName: string, newerName: string, place: string): boolean {
    const key = `struct ${olderName} ${newerName}`;
    const known = this.#done.get(key);
    if (known !== undefined) return known;
    // A struct inside itself: as far as is known while it is being compared, it is the same.
    this.#done.set(key, true);
    const was = this.#older.structs.find((s) => s.name === olderName)!;
    const is = this.#newer.structs.find((s) => s.name === newerName)!;
    const same = this.#structs(was, is, place);
    this.#done.set(key, same);
    return same;
  }

  #structs(was: StructModel, is: StructModel, place: string): boolean {
    const pairs = pairMembers(was, is, (a, b) => this.#sameMember(a, b));
    let same = true;
    const broken = (rule: string, word: string, lines: Lines, message: string) => {
      same = false;
      this.#report(rule, word, ...lines, message);
    };
    for (const member of was.members) {
      if (pairs.has(member)) continue;
      const lines: Lines = [member.line, is.line];
      broken("member-removed", is.name, lines, `${place} has lost its member \`${member.name}\``);
    }
    const kept = new Set(pairs.values());
    for (const member of is.members) {
      if (kept.has(member)) continue;
      const lines: Lines = [was.line, member.line];
      broken("member-added", member.name, lines, `${place} has a new member \`${member.name}\``);
    }
    for (const [before, after] of moved(was, is, pairs)) {
      const message = `member \`${after.name}\` of ${place} stands at another place`;
      broken("member-moved", after.name, [before.line, after.line], message);
    }
    for (const [before, after] of pairs) {
      if (!this.#members(before, after, place)) same = false;
    }
    return same;
  }

  #members(was: MemberModel, is: MemberModel, place: string): boolean {
    const lines: Lines = [was.line, is.line];
    const name = `member \`${is.name}\` of ${place}`;
    if (was.name !== is.name) {
      const message = `member \`${was.name}\` of ${place} is now \`${is.name}\``;
      this.#report("member-renamed", is.name, ...lines, message);
    }
    if (docsOf(was) !== docsOf(is)) {
      this.#report("docs-changed", is.name, ...lines, `what is said about ${name}`);
    }
    let same = true;
    if (was.optional !== is.optional) {
      same = false;
      const now = is.optional ? "optional" : "always there";
      this.#report("member-optional-changed", is.name, ...lines, `${name} is now ${now}`);
    }
    return this.#types(was.type, is.type, name, is.name, lines) && same;
  }

  #types(was: TypeModel, is: TypeModel, name: string, word: string, lines: Lines): boolean {
    if (was.kind === "struct" && is.kind === "struct") {
      return this.compare(was.name, is.name, is.name === was.name ? `\`${is.name}\`` : name);
    }
    if (was.kind === "enum" && is.kind === "enum") return this.#enums(was.name, is.name);
    const inner = innerTypes(was);
    const innerNow = innerTypes(is);
    const shell = canonicalJson(withoutInner(was)) === canonicalJson(withoutInner(is));
    if (shell && inner.length === innerNow.length) {
      const part = inner.length === 0 ? name : `the items of ${name}`;
      // Every part is looked at, also behind the first that differs.
      const same = inner.map((type, i) => this.#types(type, innerNow[i]!, part, word, lines));
      return same.every(Boolean);
    }
    if (was.kind === "list" && is.kind === "list") {
      this.#bound(name, word, lines, was.max, is.max, "items");
      this.#types(was.of, is.of, `the items of ${name}`, word, lines);
      return false;
    }
    if ((was.kind === "string" || was.kind === "bytes") && is.kind === was.kind) {
      this.#bound(name, word, lines, was.maxBytes, is.maxBytes, "bytes");
      return false;
    }
    if (was.kind === "quantised" && is.kind === "quantised") {
      const message = `${name} was ${describeType(was)} and is ${describeType(is)}`;
      this.#report("member-range-changed", word, ...lines, message);
      return false;
    }
    const message = `${name} was ${describeType(was)} and is ${describeType(is)}`;
    this.#report("member-type-changed", word, ...lines, message);
    return false;
  }

  #bound(name: string, word: string, lines: Lines, was: number, is: number, of: string): void {
    const message = `${name} held at most ${was} ${of} and now holds ${is}`;
    this.#report("member-bound-changed", word, ...lines, message);
  }

  #enums(olderName: string, newerName: string): boolean {
    const key = `enum ${olderName} ${newerName}`;
    const known = this.#done.get(key);
    if (known !== undefined) return known;
    const was = this.#older.enums.find((e) => e.name === olderName)!;
    const is = this.#newer.enums.find((e) => e.name === newerName)!;
    const same = compareEnums(was, is, this.#report);
    this.#done.set(key, same);
    return same;
  }

  /** The same bytes, whatever the name. */
  #sameMember(a: MemberModel, b: MemberModel): boolean {
    return a.optional === b.optional && this.#shape(a.type, b.type);
  }

  #shape(a: TypeModel, b: TypeModel): boolean {
    if (a.kind === "enum" && b.kind === "enum") return a.bits === b.bits;
    if (a.kind === "struct" && b.kind === "struct") return a.name === b.name;
    if (canonicalJson(withoutInner(a)) !== canonicalJson(withoutInner(b))) return false;
    const others = innerTypes(b);
    return innerTypes(a).every((type, i) => others[i] && this.#shape(type, others[i]));
  }
}

/** A type without the types in it, whatever kinds of types there will be: those are compared by themselves. */
function withoutInner(type: TypeModel): unknown {
  const inner = new Set<unknown>(innerTypes(type));
  const strip = (value: unknown): unknown => {
    if (inner.has(value)) return null;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(strip);
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, strip(v)]));
  };
  return strip(type);
}

/** Members by name; those that are left over, by their place where the bytes are the same. */
function pairMembers(
  was: StructModel,
  is: StructModel,
  same: (a: MemberModel, b: MemberModel) => boolean,
): MemberPairs {
  const pairs = new Map<MemberModel, MemberModel>();
  for (const member of was.members) {
    const found = is.members.find(({ name }) => name === member.name);
    if (found) pairs.set(member, found);
  }
  const names = new Set(was.members.map(({ name }) => name));
  was.members.forEach((member, i) => {
    const there = is.members[i];
    if (pairs.has(member) || there === undefined || names.has(there.name)) return;
    if (same(member, there)) pairs.set(member, there);
  });
  return pairs;
}

/** Members that both have, but no longer in the same order; the first of each exchange. */
function moved(
  was: StructModel,
  is: StructModel,
  pairs: MemberPairs,
): [before: MemberModel, after: MemberModel][] {
  const before = was.members.filter((member) => pairs.has(member));
  const order = before.map((member) => is.members.indexOf(pairs.get(member)!));
  const sorted = [...order].sort((a, b) => a - b);
  const index = order.findIndex((place, i) => place !== sorted[i]);
  return index < 0 ? [] : [[before[index]!, pairs.get(before[index]!)!]];
}

function compareEnums(was: EnumModel, is: EnumModel, report: Report): boolean {
  let same = true;
  const at = (rule: string, word: string, older: number, newer: number, message: string) => {
    same = false;
    report(rule, word, older || was.line, newer || is.line, message);
  };
  for (const value of was.values) {
    const now = is.values.find(({ name }) => name === value.name);
    const there = is.values.find((other) => other.value === value.value);
    const old = was.values.find(({ name }) => name === there?.name);
    if (now !== undefined) {
      if (now.value === value.value) continue;
      const message = `value \`${value.name}\` of enum \`${is.name}\` was ${value.value} and is ${now.value}`;
      at("enum-value-renumbered", value.name, value.line, now.line, message);
    } else if (there !== undefined && old === undefined) {
      const message = `value ${value.value} of enum \`${is.name}\` was \`${value.name}\` and is \`${there.name}\``;
      report("enum-value-renamed", there.name, value.line, there.line, message);
    } else {
      const message = `enum \`${is.name}\` has lost its value \`${value.name}\` (${value.value})`;
      at("enum-value-removed", is.name, value.line, 0, message);
    }
  }
  for (const value of is.values) {
    const known = was.values.some((o) => o.name === value.name || o.value === value.value);
    if (known) continue;
    const message = `enum \`${is.name}\` has a new value \`${value.name}\` (${value.value})`;
    at("enum-value-added", value.name, 0, value.line, message);
  }
  return same;
}

/** A type in the words of a spec. */
export function describeType(type: TypeModel): string {
  switch (type.kind) {
    case "integer":
      return `${type.signed ? "i" : "u"}${type.bytes * 8}`;
    case "varint":
      return type.signed ? "svarint" : "varint";
    case "float":
      return `f${type.bytes * 8}`;
    case "quantised":
      return `${type.min} to ${type.max} in ${type.steps} steps (${type.bits} bits)`;
    case "string":
    case "bytes":
      return `${type.kind} of at most ${type.maxBytes} bytes`;
    case "list":
      return `a list of at most ${type.max} (${describeType(type.of)})`;
    case "struct":
    case "enum":
      return `${type.kind} \`${type.name}\``;
    default:
      return `a ${(type as { kind: string }).kind}`;
  }
}

/** What is said to people, as text to compare. */
export function docsOf({ doc, why, unit, deprecated }: Documentation): string {
  return canonicalJson({ doc, why, unit, deprecated });
}
