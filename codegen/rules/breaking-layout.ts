/**
 * The layouts of two versions of a message, member by member. Names are not on the wire, so a member at the same place
 * with the same type under another name was renamed. What may differ is whole groups of `since` at the end of an
 * extensible struct: a reader in compat mode skips those it does not know, and fills in those that are missing. Structs,
 * unions and enums are compared pair by pair, each pair once: what is found in a type that several messages share is
 * said once.
 */

import type { DefinedKind, Definition } from "../kinds/kind.ts";
import { type DefinedType, isDefined, isLeaf, kindOf } from "../kinds/kinds.ts";
import { canonicalJson } from "../model/canonical.ts";
import { innerTypes, Lookup } from "../model/lookup.ts";
import type {
  MemberModel,
  Model,
  RecursionModel,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";
import { fatesOf } from "./breaking-choices.ts";
import type { Report } from "./breaking-table.ts";
import { defaultOnWire, describeType, docsOf, withoutInner } from "./breaking-words.ts";

/** How two layouts stand to each other: the same bytes; one has grown as it may; something breaks. */
export type Verdict = "same" | "grown" | "broken";
type Lines = readonly [older: number, newer: number];
type MemberPairs = ReadonlyMap<MemberModel, MemberModel>;

const verdicts: readonly Verdict[] = ["same", "grown", "broken"];

function worst(...all: readonly Verdict[]): Verdict {
  return verdicts[Math.max(0, ...all.map((verdict) => verdicts.indexOf(verdict)))]!;
}

/** The rule for an option of what holds types, where it is not `member-type-changed`; those of leaves, kinds/ says. */
const optionRules: Readonly<Record<string, string>> = {
  "list max": "member-bound-changed",
  "map max": "member-bound-changed",
  "array length": "array-length-changed",
};

/** What a message calls the types in a type. */
const partNames: Readonly<Record<string, readonly string[]>> = {
  list: ["the items of "],
  array: ["the items of "],
  map: ["the keys of ", "the values of "],
};

export class LayoutComparison {
  readonly #older: Model;
  readonly #newer: Model;
  readonly #report: Report;
  /** Compares without a word, to see whether two types are the same. */
  readonly #quiet: LayoutComparison;
  /** Pairs of types that are done. */
  readonly #done = new Map<string, Verdict>();
  /** Of each type, those that it was compared with in the other version. */
  readonly #partners = new Map<string, Set<string>>();

  constructor(older: Model, newer: Model, report: Report | undefined) {
    this.#older = older;
    this.#newer = newer;
    this.#report = report ?? (() => {});
    this.#quiet = report === undefined ? this : new LayoutComparison(older, newer, undefined);
  }

  /** Reports what differs between two structs, by name. */
  compare(olderName: string, newerName: string, place: string): Verdict {
    const was = Lookup.of(this.#older).struct(olderName);
    const is = Lookup.of(this.#newer).struct(newerName);
    return this.#once("struct", was, is, () =>
      worst(this.#recursion(was, is, place), this.#structs(was, is, place)),
    );
  }

  #once(kind: string, was: ComparedType, is: ComparedType, compare: () => Verdict): Verdict {
    const key = `${kind} ${was.name} ${is.name}`;
    const known = this.#done.get(key);
    if (known !== undefined) return known;
    // A type inside itself: as far as is known while it is being compared, it is the same.
    this.#done.set(key, "same");
    const verdict = compare();
    this.#done.set(key, verdict);
    const others = this.#partnersOf("older", kind, was.name).add(is.name);
    const origins = this.#partnersOf("newer", kind, is.name).add(was.name);
    if (verdict === "broken") return verdict;
    const lines: Lines = [was.line, is.line];
    if (others.size > 1) {
      const message = `${kind} \`${was.name}\` is now ${listed(others)}`;
      this.#report("types-regrouped", is.name, ...lines, message);
    } else if (origins.size > 1) {
      const message = `${listed(origins)} are now one ${kind}, \`${is.name}\``;
      this.#report("types-regrouped", is.name, ...lines, message);
    }
    return verdict;
  }

  #partnersOf(side: string, kind: string, name: string): Set<string> {
    const key = `${side} ${kind} ${name}`;
    const found = this.#partners.get(key) ?? new Set();
    this.#partners.set(key, found);
    return found;
  }

  #structs(was: StructModel, is: StructModel, place: string): Verdict {
    let verdict: Verdict = "same";
    const found = (rule: string, word: string, lines: Lines, message: string) => {
      verdict = worst(verdict, rule.startsWith("extensible-member") ? "grown" : "broken");
      this.#report(rule, word, ...lines, message);
    };
    const mayGrow = was.extensible !== undefined && is.extensible !== undefined;
    if (!mayGrow && (was.extensible ?? is.extensible) !== undefined) {
      const now = is.extensible === undefined ? "no longer" : "now";
      const message = `${place} is ${now} extensible`;
      found("extensible-changed", is.name, [was.line, is.line], message);
    }
    /** A member's group: 0 is that of the first version. */
    const groupOf = (struct: StructModel, member: MemberModel): number =>
      mayGrow ? 1 + struct.extensible!.groups.findIndex((g) => g.since === member.since) : 0;
    // Groups from this one on are in one version only.
    const common = mayGrow
      ? 1 + Math.min(was.extensible.groups.length, is.extensible.groups.length)
      : 1;
    const pairs = pairMembers(was, is, (a, b) => this.#sameMember(a, b));
    // Where one of them cannot grow, what the other has grown by is beside the point.
    const aside = (member: MemberModel) => !mayGrow && member.since !== undefined;
    for (const member of was.members) {
      if (pairs.has(member) || aside(member)) continue;
      const rule = groupOf(was, member) < common ? "member-removed" : "extensible-member-removed";
      const message = `${place} has lost its member \`${member.name}\``;
      found(rule, is.name, [member.line, is.line], message);
    }
    const kept = new Set(pairs.values());
    for (const member of is.members) {
      if (kept.has(member) || aside(member)) continue;
      const legal = groupOf(is, member) >= common;
      const [rule, how] = legal
        ? (["extensible-member-added", this.#since(member)] as const)
        : this.#addedLate(member, mayGrow);
      const message = `${place} has a new member \`${member.name}\`${how}`;
      found(rule, member.name, [was.line, member.line], message);
    }
    const inPlace = new Map<MemberModel, MemberModel>();
    for (const [before, after] of pairs) {
      if (groupOf(was, before) === groupOf(is, after)) inPlace.set(before, after);
      else {
        const message = `member \`${after.name}\` of ${place} ${sinceText(before)} and ${sinceText(after)} now`;
        found("member-since-changed", after.name, [before.line, after.line], message);
      }
    }
    for (const [before, after] of moved(was, is, inPlace)) {
      const message = `member \`${after.name}\` of ${place} stands at another place`;
      found("member-moved", after.name, [before.line, after.line], message);
    }
    for (const [before, after] of pairs) {
      if (inPlace.has(before) && mayGrow) this.#groupOptions(before, after, place);
      verdict = worst(verdict, this.#members(before, after, place));
    }
    return verdict;
  }

  /** Behind a member that was added as it may be: its version, and a hint where the older one is that far already. */
  #since({ since }: MemberModel): string {
    const { version } = this.#older;
    if (since! > version) return ` since version ${since}`;
    return ` since version ${since}, and there is a version ${version} without it: if that one is published, raise \`since\``;
  }

  /** Behind a member that breaks: what to say instead where only that is missing. */
  #addedLate({ since }: MemberModel, mayGrow: boolean): [rule: string, how: string] {
    if (since !== undefined) {
      return ["member-since-late", ` since version ${since}, in front of or among what was there`];
    }
    if (!mayGrow) return ["member-added", ""];
    const { version } = this.#older;
    const next = Math.max(version + 1, this.#newer.version);
    const raise = next === this.#newer.version ? "" : ` and raise \`protocol.version\` to ${next}`;
    return [
      "member-added",
      ` without \`since\`: say \`since: ${next}\`, behind all others${raise}`,
    ];
  }

  /** What the wire does not show of a member that both know. */
  #groupOptions(was: MemberModel, is: MemberModel, place: string): void {
    const lines: Lines = [was.line, is.line];
    const name = `member \`${is.name}\` of ${place}`;
    if (was.since !== is.since) {
      const message = `${name} ${sinceText(was)} and ${sinceText(is)} now`;
      this.#report("since-renumbered", is.name, ...lines, message);
    }
    if (defaultOnWire(was, this.#older) !== defaultOnWire(is, this.#newer)) {
      const text = ({ default: given }: MemberModel) =>
        given === undefined ? "none" : JSON.stringify(given);
      const message = `the default of ${name} was ${text(was)} and is ${text(is)}`;
      this.#report("default-changed", is.name, ...lines, message);
    }
  }

  #members(was: MemberModel, is: MemberModel, place: string): Verdict {
    const lines: Lines = [was.line, is.line];
    const name = `member \`${is.name}\` of ${place}`;
    if (was.name !== is.name) {
      const message = `member \`${was.name}\` of ${place} is now \`${is.name}\``;
      this.#report("member-renamed", is.name, ...lines, message);
    }
    if (docsOf(was) !== docsOf(is)) {
      this.#report("docs-changed", is.name, ...lines, `what is said about ${name}`);
    }
    let verdict: Verdict = "same";
    if (was.optional !== is.optional) {
      verdict = "broken";
      const now = is.optional ? "optional" : "always there";
      this.#report("member-optional-changed", is.name, ...lines, `${name} is now ${now}`);
    }
    return worst(verdict, this.#types(was.type, is.type, name, is.name, lines));
  }

  #types(was: TypeModel, is: TypeModel, name: string, word: string, lines: Lines): Verdict {
    if (was.kind === "struct" && is.kind === "struct") {
      return this.compare(was.name, is.name, is.name === was.name ? `\`${is.name}\`` : name);
    }
    if (was.kind === "union" && is.kind === "union") return this.#unions(was.name, is.name);
    if (isDefined(was) && isDefined(is) && was.kind === is.kind) return this.#defined(was, is);
    const rule = optionRule(was, is);
    if (rule !== undefined) {
      const message = `${name} was ${describeType(was)} and is ${describeType(is)}`;
      this.#report(rule, word, ...lines, message);
    }
    const verdict: Verdict = rule === undefined ? "same" : "broken";
    if (was.kind !== is.kind) return verdict;
    // Every part is looked at, also behind the first that differs.
    const now = innerTypes(is);
    const parts = innerTypes(was).map((type, i) => {
      const part = `${partNames[was.kind]?.[i] ?? "a part of "}${name}`;
      return this.#types(type, now[i]!, part, word, lines);
    });
    return worst(verdict, ...parts);
  }

  #unions(olderName: string, newerName: string): Verdict {
    const was = Lookup.of(this.#older).union(olderName);
    const is = Lookup.of(this.#newer).union(newerName);
    return this.#once("union", was, is, () => {
      let verdict = this.#recursion(was, is, `\`${is.name}\``);
      for (const { kind, before, after } of fatesOf(was.variants, is.variants, (v) => v.tag)) {
        const lines: Lines = [before?.line ?? was.line, after?.line ?? is.line];
        const name = `variant \`${(after ?? before)!.name}\` of union \`${is.name}\``;
        if (kind === "removed" || kind === "added" || kind === "renumbered") {
          const rule = kind === "renumbered" ? "variant-retagged" : `variant-${kind}`;
          const how = {
            removed: `is gone (tag ${before?.tag})`,
            added: `is new (tag ${after?.tag})`,
            renumbered: `had tag ${before?.tag} and has ${after?.tag}`,
          }[kind];
          this.#report(rule, after?.name ?? is.name, ...lines, `${name} ${how}`);
          verdict = "broken";
        } else {
          if (kind === "renamed") {
            const message = `variant \`${before!.name}\` of union \`${is.name}\` is now \`${after!.name}\``;
            this.#report("variant-renamed", after!.name, ...lines, message);
          }
          if (docsOf(before!) !== docsOf(after!)) {
            this.#report("docs-changed", after!.name, ...lines, `what is said about ${name}`);
          }
          const inner = this.#types(before!.type, after!.type, name, after!.name, lines);
          verdict = worst(verdict, inner);
        }
      }
      return verdict;
    });
  }

  #defined(older: DefinedType, newer: DefinedType): Verdict {
    const was = Lookup.of(this.#older).definition(older.name);
    const is = Lookup.of(this.#newer).definition(newer.name);
    const { choice } = kindOf(newer);
    return this.#once(choice.of, was, is, () => compareChoices(was, is, choice, this.#report));
  }

  /** What one end nests and sends, the other must take. */
  #recursion(was: Nestable, is: Nestable, place: string): Verdict {
    const before = headOf(was);
    const after = headOf(is);
    if (was.recursion !== undefined && is.recursion !== undefined) {
      if (canonicalJson(before) === canonicalJson(after)) return "same";
      return this.#boundBroken(was, is, place, `${boundText(before)} and ${boundText(after)} now`);
    }
    // A circle that only one version has goes through members that the other lacks: what the other writes holds no
    // `head` in a `head`, unless two of its types are this one.
    const bound = before ?? after;
    if (bound === undefined) return "same";
    const [head, plain, side] = before ? [was, is, "older"] : [is, was, "newer"];
    const others = this.#partnersOf(`${side} recursion`, "", head.name).add(plain.name);
    const { maxBytes = Number.POSITIVE_INFINITY, maxDepth } = bound;
    if (plain.maxBytes <= maxBytes && others.size <= maxDepth) return "same";
    const found = `could not hold itself and took up to ${plain.maxBytes} bytes in one version, and ${boundText(bound)} in the other`;
    return this.#boundBroken(was, is, place, found);
  }

  #boundBroken(was: Nestable, is: Nestable, place: string, how: string): Verdict {
    this.#report("recursion-bound-changed", is.name, was.line, is.line, `${place} ${how}`);
    return "broken";
  }

  /** The same bytes, whatever the name. */
  #sameMember(a: MemberModel, b: MemberModel): boolean {
    const lines: Lines = [0, 0];
    return (
      a.optional === b.optional && this.#quiet.#types(a.type, b.type, "", "", lines) !== "broken"
    );
  }
}

type ComparedType = Pick<StructModel, "name" | "line">;
type Nestable = StructModel | UnionModel;

function headOf({ name, recursion }: Nestable): RecursionModel | undefined {
  return recursion?.head === name ? { ...recursion, head: "" } : undefined;
}

function boundText(bound: RecursionModel | undefined): string {
  if (bound === undefined) return "was not what is counted";
  const bytes = bound.maxBytes === undefined ? "" : ` with at most ${bound.maxBytes} bytes`;
  return `may nest ${bound.maxDepth} deep${bytes}`;
}

function listed(names: ReadonlySet<string>): string {
  return [...names].map((name) => `\`${name}\``).join(" and ");
}

function sinceText({ since }: MemberModel): string {
  return since === undefined ? "is there without `since`" : `is there since version ${since}`;
}

/** The rule for what differs in the options of two types of a kind, or for their kinds; undefined where nothing does. */
function optionRule(was: TypeModel, is: TypeModel): string | undefined {
  if (was.kind !== is.kind) return "member-type-changed";
  const ownRules = isLeaf(was) ? kindOf(was).optionRules : {};
  const before = withoutInner(was);
  const after = withoutInner(is);
  const rules = Object.keys({ ...before, ...after })
    .filter((key) => canonicalJson(before[key]) !== canonicalJson(after[key]))
    .map((key) => ownRules[key] ?? optionRules[`${was.kind} ${key}`] ?? "member-type-changed");
  return rules.includes("member-type-changed") ? "member-type-changed" : rules[0];
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

function compareChoices(
  was: Definition,
  is: Definition,
  { rule, what, of }: DefinedKind["choice"],
  report: Report,
): Verdict {
  let verdict: Verdict = "same";
  for (const { kind, before, after } of fatesOf(was.values, is.values, (v) => v.value)) {
    const name = `\`${(after ?? before)!.name}\``;
    const message = {
      kept: "",
      renamed: `${what} ${before?.value} of ${of} \`${is.name}\` was \`${before?.name}\` and is ${name}`,
      renumbered: `${what} ${name} of ${of} \`${is.name}\` was ${before?.value} and is ${after?.value}`,
      removed: `${of} \`${is.name}\` has lost its ${what} ${name} (${before?.value})`,
      added: `${of} \`${is.name}\` has a new ${what} ${name} (${after?.value})`,
    }[kind];
    if (kind === "kept") continue;
    if (kind !== "renamed") verdict = "broken";
    const lines: Lines = [before?.line ?? was.line, after?.line ?? is.line];
    report(`${rule}-${kind}`, after?.name ?? is.name, ...lines, message);
  }
  return verdict;
}
