/**
 * How structs and unions hold each other: their order, the cycles among them and the bound of each, and from that what
 * they take. In a cycle one type, the head, says `maxDepth`; sizes are worked out level by level, from a head that may
 * not hold another outwards. Worst case: each type once, those of a cycle `maxDepth` times.
 */

import type { Size } from "../kinds/kind.ts";
import { type DefinedType, isDefined } from "../kinds/kinds.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import type { Span } from "../spec/source.ts";
import {
  bodySize,
  elementSize,
  fixedBytesOf,
  type Places,
  placesOf,
  unionSize,
  withLength,
} from "./layout.ts";
import { innerTypes, isNamed, withInner } from "./lookup.ts";
import type { RecursionModel, StructModel, TypeModel, UnionModel } from "./model.ts";
import {
  MAX_REFERENCES,
  MAX_TYPE_DEPTH,
  type RawStruct,
  type RawUnion,
  type TypeResolver,
} from "./types.ts";

type Raw = RawStruct | RawUnion;

/** No message is larger, whatever the budgets. */
export const MAX_MESSAGE_BYTES: number = 2 ** 30;

export interface LaidOut {
  readonly structs: StructModel[];
  readonly unions: UnionModel[];
  /** Types with a definition, in the order in which the others come upon them. */
  readonly defined: readonly DefinedType[];
}

/** Undefined after a diagnostic. */
export function layOutTypes(types: TypeResolver, d: Diagnostics): LaidOut | undefined {
  const watch = new Watch(d);
  const graph = new Graph(types, watch);
  graph.order();
  if (watch.failed || !graph.complete) return undefined;
  return new Sizer(types, graph, watch).run();
}

/** Notes whether anything was reported since its creation: with faults elsewhere in the spec, types are still checked. */
class Watch {
  readonly #d: Diagnostics;
  readonly #before: number;
  readonly report: Diagnostics["report"];

  constructor(d: Diagnostics) {
    this.#d = d;
    this.#before = d.reported;
    this.report = d.report.bind(d) as Diagnostics["report"];
  }

  get failed(): boolean {
    return this.#d.reported > this.#before;
  }
}

/** Structs and unions that a type names, itself or in its elements. */
function namesIn(type: TypeModel): string[] {
  return [...withInner(type)].flatMap((inner) => (isNamed(inner) ? [inner.name] : []));
}

function rawParts(raw: Raw): readonly { readonly type: TypeModel; readonly span: Span }[] {
  return raw.kind === "struct" ? raw.members : raw.variants;
}

class Graph {
  /** Each after those it uses, but for cycles. */
  readonly sorted: string[] = [];
  readonly defined: DefinedType[] = [];
  /** False where a type is missing, since it was wrong. */
  complete = true;
  readonly #types: TypeResolver;
  readonly #d: Watch;
  readonly #seen = new Set<string>();

  constructor(types: TypeResolver, d: Watch) {
    this.#types = types;
    this.#d = d;
  }

  order(): void {
    for (const root of this.#types.roots) this.#visit(root, 0, { start: 0, end: 0 });
  }

  #visit(type: TypeModel, depth: number, span: Span): void {
    for (const inner of innerTypes(type)) this.#visit(inner, depth, span);
    if (!("name" in type) || this.#seen.has(type.name)) return;
    this.#seen.add(type.name);
    if (isDefined(type)) this.defined.push(type);
    else if (depth > MAX_REFERENCES) this.#d.report("SD1313", span, { limit: MAX_TYPE_DEPTH });
    else {
      const raw = this.#types.raw.get(type.name);
      if (raw === undefined) this.complete = false;
      for (const part of raw ? rawParts(raw) : []) this.#visit(part.type, depth + 1, part.span);
      this.sorted.push(type.name);
    }
  }

  neighbours(name: string): string[] {
    return rawParts(this.#types.raw.get(name)!).flatMap((part) => namesIn(part.type));
  }

  /** Strongly connected components (Tarjan), each after those it leads to. */
  components(): string[][] {
    const found: string[][] = [];
    const index = new Map<string, number>();
    const low = new Map<string, number>();
    const stack: string[] = [];
    const open = new Set<string>();
    const visit = (name: string): void => {
      index.set(name, index.size);
      low.set(name, index.get(name)!);
      stack.push(name);
      open.add(name);
      for (const next of this.neighbours(name)) {
        if (!index.has(next)) visit(next);
        if (open.has(next)) low.set(name, Math.min(low.get(name)!, low.get(next)!));
      }
      if (low.get(name) !== index.get(name)) return;
      const component: string[] = [];
      for (let last = ""; last !== name; ) {
        last = stack.pop()!;
        open.delete(last);
        component.push(last);
      }
      found.push(component);
    };
    for (const name of this.sorted) if (!index.has(name)) visit(name);
    return found;
  }

  /** A way from `name` back to itself inside `within`, or undefined. */
  cycle(name: string, within: ReadonlySet<string>): string[] | undefined {
    const from = new Map<string, string>();
    const queue = [name];
    for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
      for (const next of this.neighbours(at)) {
        if (!within.has(next)) continue;
        if (next === name) {
          const path = [name];
          for (let step = at; step !== name; step = from.get(step)!) path.unshift(step);
          return [name, ...path];
        }
        if (from.has(next)) continue;
        from.set(next, at);
        queue.push(next);
      }
    }
    return undefined;
  }
}

class Sizer {
  readonly #types: TypeResolver;
  readonly #graph: Graph;
  readonly #d: Watch;
  readonly #sizes = new Map<string, Size | undefined>();
  readonly #depths = new Map<string, number>();
  readonly #places = new Map<string, Places>();
  readonly #recursions = new Map<string, RecursionModel>();
  readonly #checked = new Set<TypeModel>();

  constructor(types: TypeResolver, graph: Graph, d: Watch) {
    this.#types = types;
    this.#graph = graph;
    this.#d = d;
  }

  run(): LaidOut | undefined {
    for (const name of this.#graph.sorted) {
      const raw = this.#raw(name);
      if (raw.kind === "struct") this.#places.set(name, placesOf(raw.members.map(withoutSpan)));
    }
    for (const component of this.#graph.components()) {
      const within = new Set(component);
      const cycle = this.#graph.cycle(component[0]!, within);
      if (cycle === undefined) this.#single(component[0]!);
      else this.#group(component, within, cycle);
      if (this.#d.failed) return undefined;
    }
    for (const root of this.#types.roots) this.#checkElements(root);
    if (this.#d.failed) return undefined;
    const structs: StructModel[] = [];
    const unions: UnionModel[] = [];
    for (const name of this.#graph.sorted) {
      const raw = this.#raw(name);
      if (raw.kind === "struct") structs.push(this.#struct(raw));
      else unions.push(this.#union(raw));
    }
    return { structs, unions, defined: this.#graph.defined };
  }

  #raw(name: string): Raw {
    return this.#types.raw.get(name)!;
  }

  #single(name: string): void {
    const raw = this.#raw(name);
    for (const key of ["maxDepth", "maxBytes"] as const) {
      const given = raw[key];
      const problem = "it cannot hold itself, so nothing is to be bounded";
      if (given) this.#d.report("SD1317", given.span, { key, name, problem });
    }
    this.#sizes.set(name, this.#sizeOf(raw));
    this.#check(name);
  }

  #group(component: readonly string[], within: ReadonlySet<string>, cycle: string[]): void {
    const heads = component.filter((name) => this.#raw(name).maxDepth !== undefined);
    const head = heads[0];
    if (head === undefined) {
      this.#unbounded(cycle);
      return;
    }
    for (const name of component) {
      const { maxBytes, maxDepth } = this.#raw(name);
      const problem = `\`${head}\` counts this cycle already`;
      if (name === head) continue;
      if (maxDepth) this.#d.report("SD1317", maxDepth.span, { key: "maxDepth", name, problem });
      if (maxBytes) this.#d.report("SD1317", maxBytes.span, { key: "maxBytes", name, problem });
    }
    const rest = new Set([...within].filter((name) => name !== head));
    for (const name of rest) {
      const other = this.#graph.cycle(name, rest);
      if (other === undefined) continue;
      this.#unbounded(other);
      return;
    }
    const raw = this.#raw(head);
    const maxDepth = raw.maxDepth!.value;
    const recursion: RecursionModel = {
      head,
      maxDepth,
      ...(raw.maxBytes ? { maxBytes: raw.maxBytes.value } : {}),
    };
    for (const name of component) this.#recursions.set(name, recursion);
    this.#levels(head, this.#inner(head, within), recursion);
  }

  #unbounded(cycle: readonly string[]): void {
    const name = cycle[0]!;
    const path = cycle.map((n) => `\`${n}\``).join(" -> ");
    this.#d.report("SD1316", this.#raw(name).span, { name, path });
  }

  /** The types of a cycle but its head, each after those it uses. */
  #inner(head: string, within: ReadonlySet<string>): string[] {
    const seen = new Set([head]);
    const order: string[] = [];
    const visit = (name: string): void => {
      for (const next of this.#graph.neighbours(name)) {
        if (!within.has(next) || seen.has(next)) continue;
        seen.add(next);
        visit(next);
        order.push(next);
      }
    };
    visit(head);
    return order;
  }

  #levels(head: string, inner: readonly string[], recursion: RecursionModel): void {
    const raw = this.#raw(head);
    const all = (): void => {
      for (const name of inner) this.#sizes.set(name, this.#sizeOf(this.#raw(name)));
    };
    this.#sizes.set(head, undefined);
    let least: number | undefined;
    for (let level = 1; level <= recursion.maxDepth; level++) {
      all();
      const size = this.#sizeOf(raw);
      if (size === undefined) {
        this.#d.report("SD1325", raw.span, { name: head });
        return;
      }
      least ??= size.min;
      const { maxBytes = Number.POSITIVE_INFINITY } = recursion;
      if (maxBytes < least) {
        const problem = `the smallest value takes ${least} bytes`;
        this.#d.report("SD1317", raw.maxBytes!.span, { key: "maxBytes", name: head, problem });
        return;
      }
      this.#sizes.set(head, { min: least, max: Math.min(size.max, maxBytes) });
      if (size.max > MAX_MESSAGE_BYTES) break;
    }
    all();
    this.#depths.set(head, 0);
    for (const name of [...inner, head]) this.#check(name);
  }

  #sizeOf(raw: Raw): Size | undefined {
    if (raw.kind === "union") return unionSize(raw.variants, this.#sizes);
    const body = bodySize(this.#places.get(raw.name)!, this.#sizes);
    return body && raw.extensible ? withLength(body) : body;
  }

  /** How deep a type nests, what it takes, and what its elements take. */
  #check(name: string): void {
    const raw = this.#raw(name);
    let depth = 0;
    for (const part of rawParts(raw)) {
      const own = this.#depthOf(part.type);
      if (own > MAX_TYPE_DEPTH - 1) {
        this.#d.report("SD1313", part.span, { limit: MAX_TYPE_DEPTH });
        return;
      }
      depth = Math.max(depth, own);
      this.#checkElements(part.type);
    }
    this.#depths.set(name, depth + 1);
    const worst = this.#sizes.get(name)?.max ?? 0;
    if (worst > MAX_MESSAGE_BYTES) this.#tooLarge(name, worst, rawParts(raw)[0]?.span ?? raw.span);
  }

  #depthOf(type: TypeModel): number {
    if ("name" in type) return this.#depths.get(type.name) ?? 0;
    const inner = innerTypes(type).map((one) => this.#depthOf(one));
    return inner.length === 0 ? 0 : 1 + Math.max(...inner);
  }

  #checkElements(type: TypeModel): void {
    const site = this.#types.sites.get(type);
    if (site === undefined || this.#checked.has(type)) return;
    this.#checked.add(type);
    for (const inner of innerTypes(type)) this.#checkElements(inner);
    if (type.kind === "list" || type.kind === "array") {
      if (elementSize(type.of, this.#sizes)?.min === 0) {
        this.#d.report("SD1312", site.of, {
          holder: type.kind === "list" ? "a list" : "an array",
        });
      }
    }
    const worst = elementSize(type, this.#sizes)?.max ?? 0;
    if (worst > MAX_MESSAGE_BYTES) this.#tooLarge(site.name, worst, site.span);
  }

  #tooLarge(name: string, worst: number, span: Span): void {
    if (this.#d.failed) return;
    this.#d.report("SD1314", span, { name, worst, limit: MAX_MESSAGE_BYTES });
  }

  #common(name: string) {
    const size = this.#sizes.get(name)!;
    const recursion = this.#recursions.get(name);
    return {
      ...(recursion ? { recursion } : {}),
      minBytes: size.min,
      maxBytes: size.max,
      fixedBytes: fixedBytesOf(size),
    };
  }

  #struct(raw: RawStruct): StructModel {
    const { name, docs, extensible } = raw;
    const { members, bitBlockBytes, groups } = this.#places.get(name)!;
    const common = this.#common(name);
    if (!extensible) return { ...docs, name, members, bitBlockBytes, ...common };
    const maxBodyBytes = bodySize(this.#places.get(name)!, this.#sizes)!.max;
    const grows = { groups, maxBodyBytes: Math.min(maxBodyBytes, common.maxBytes) };
    return { ...docs, name, members, bitBlockBytes, extensible: grows, ...common };
  }

  #union(raw: RawUnion): UnionModel {
    const variants = raw.variants.map(withoutSpan);
    return { ...raw.docs, name: raw.name, variants, ...this.#common(raw.name) };
  }
}

function withoutSpan<T extends { readonly span: Span }>(part: T): Omit<T, "span"> {
  const { span: _, ...rest } = part;
  return rest;
}
