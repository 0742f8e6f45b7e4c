/**
 * Type expressions to the structs, unions and enums of the model: references resolved, inline types named, members
 * checked. Names are decided here once; how the types hold each other, and what they take, is cycles.ts's. Worst case:
 * each type is resolved once, and chains of aliases are bounded by MAX_REFERENCES.
 */
import type { Definition, Definitions } from "../kinds/kind.ts";
import {
  type DefinedLists,
  type DefinedType,
  definedKinds,
  isLeaf,
  kindOf,
} from "../kinds/kinds.ts";
import type {
  ChannelAst,
  DocsAst,
  Given,
  MemberAst,
  RequestAst,
  SpecAst,
  TypeAst,
  TypeExpr,
} from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { channelTypeName, pascalCase, reservedTypeNames } from "../spec/names.ts";
import { quote } from "../spec/node.ts";
import type { Span } from "../spec/source.ts";
import { builtInTypes, guessType, typeForms } from "../spec/type-names.ts";
import { checkedDefault } from "./member-default.ts";
import type { RequestModel, TypeModel, VariantModel } from "./model.ts";

/** References followed one from another while resolving, aliases too: how deep this file goes. */
export const MAX_REFERENCES = 256;
/** Structs, unions, lists and maps inside each other. */
export const MAX_TYPE_DEPTH = 32;

interface RawType {
  readonly name: string;
  readonly docs: DocsAst;
  readonly span: Span;
  readonly maxDepth?: Given<number>;
  readonly maxBytes?: Given<number>;
}

export interface RawMember extends DocsAst {
  readonly name: string;
  readonly type: TypeModel;
  readonly optional: boolean;
  readonly span: Span;
  readonly since?: number;
  readonly default?: string | number | boolean;
}

export interface RawStruct extends RawType {
  readonly kind: "struct";
  readonly members: readonly RawMember[];
  readonly extensible: boolean;
}

export interface RawUnion extends RawType {
  readonly kind: "union";
  readonly variants: readonly (VariantModel & { readonly span: Span })[];
}

/** A type written in place. */
interface Place {
  /** What it is called in TypeScript, where it needs a name. */
  readonly name: string;
  /** Where it stands in the spec: the channel or type, then members and variants. */
  readonly path: string;
}

/** Types of a channel with requests, by name. */
export interface Exchange {
  readonly message: string;
  readonly request: RequestModel;
}

/** Where a list, array or map stands, and what a diagnostic calls it. */
export interface TypeSite {
  readonly name: string;
  readonly span: Span;
  readonly of: Span;
}

export class TypeResolver implements Definitions {
  /** Structs and unions without places and sizes. */
  readonly raw: Map<string, RawStruct | RawUnion> = new Map();
  readonly #definitions = new Map<string, Definition>();
  /** What the section `types` and the channels use, in that order. */
  readonly roots: TypeModel[] = [];
  readonly sites: Map<TypeModel, TypeSite> = new Map();
  readonly #spec: SpecAst;
  readonly #d: Diagnostics;
  readonly #types: ReadonlyMap<string, TypeAst>;
  /** TypeScript names and what has them, for the diagnostic about a clash. */
  readonly #names = new Map<string, string>();
  /** Types of the section that are known; undefined where they are wrong. */
  readonly #resolved = new Map<string, TypeModel | undefined>();
  /** Aliases being resolved, outermost first. */
  readonly #open: string[] = [];
  /** Bodies of structs and unions that are still to be resolved: a reference to one needs only its name. */
  readonly #bodies: (() => void)[] = [];
  #references = 0;

  constructor(spec: SpecAst, diagnostics: Diagnostics) {
    this.#spec = spec;
    this.#d = diagnostics;
    this.#types = new Map(spec.types.map((type) => [type.name, type]));
    for (const { name, span } of spec.types) {
      this.#claim(pascalCase(name), `type \`${name}\``, span);
    }
  }

  /** The section `types`, used or not. */
  resolveAll(): void {
    for (const { name } of this.#types.values()) {
      const type = this.#named(name);
      this.#finishBodies();
      if (type) this.roots.push(type);
    }
  }

  /** The name of the struct that is the message of a channel, or of what is `called` otherwise. */
  message(channel: string, expr: TypeExpr, docs: DocsAst, called = "channel"): string | undefined {
    const owner = channelTypeName(channel);
    let type: TypeModel | undefined;
    if (expr.kind === "struct") {
      const name = `${owner}Message`;
      this.#claim(name, `the message of ${called} \`${channel}\``, expr.span);
      // Inline types of a message are named after the channel alone: `EventKind`, not `EventMessageKind`.
      type = this.#struct(name, { name: owner, path: channel }, expr, {
        name,
        docs,
        span: expr.span,
      });
    } else if (expr.kind === "ref" && !this.#types.has(expr.name) && builtInTypes.has(expr.name)) {
      this.#d.report("SD1315", expr.span, { name: expr.name }, messageHelp(expr.name));
      return undefined;
    } else type = this.#resolve(expr, { name: owner, path: channel }, docs);
    this.#finishBodies();
    if (type === undefined) return undefined;
    this.roots.push(type);
    if (type.kind === "struct") return type.name;
    const name = expr.kind === "ref" ? expr.name : expr.kind;
    this.#d.report("SD1315", expr.span, { name }, expr.kind === "ref" ? messageHelp(name) : {});
    return undefined;
  }

  /**
   * The message of a channel with requests: a number, and a union of what is asked and of all that may be said about it.
   * Undefined after a diagnostic.
   */
  exchange(channel: ChannelAst, said: RequestAst): Exchange | undefined {
    const { name, span, docs, message, direction } = channel;
    const owner = channelTypeName(name);
    const request = this.#part(`${owner}Request`, { name: owner, path: name }, message, docs);
    const answer = { name: `${owner}Response`, path: `${name}.response` };
    const response = this.#part(answer.name, answer, said.response, docs);
    const errors = said.errors && this.#errors(owner, name, said.errors, docs);
    if (!request || !response || (said.errors && !errors)) return undefined;
    const { line } = docs;
    const made = (suffix: string, doc: string): RawType => {
      this.#claim(owner + suffix, `${suffix.toLowerCase()} of channel \`${name}\``, span);
      return { name: owner + suffix, docs: { doc, line }, span };
    };
    const cancel = made("Cancel", "The answer is of no use any more.");
    this.raw.set(cancel.name, { ...cancel, kind: "struct", members: [], extensible: false });
    const failed = made(
      "Failed",
      "Why a request has no answer, where that is not the application's to say.",
    );
    const variants: RawUnion["variants"] = [
      { name: "request", tag: 0, type: request, span, line, doc: "Asks." },
      {
        name: "cancel",
        tag: 1,
        type: { kind: "struct", name: cancel.name },
        span,
        line,
        doc: "Whoever has asked no longer waits.",
      },
      { name: "response", tag: 2, type: response, span, line, doc: "Answers." },
      {
        name: "failed",
        tag: 3,
        type: this.#define(failed.name, failures(span, line), failed.docs),
        span,
        line,
        doc: "There is no answer, and the runtime says why.",
      },
      ...(errors ? [{ name: "error", tag: 4, type: errors, span, line, doc: "Declines." }] : []),
    ];
    const body = made("Body", "A request, or what is said about one.");
    this.raw.set(body.name, { ...body, kind: "union", variants });
    const whole = { ...made("Message", ""), docs };
    const members: readonly RawMember[] = [
      {
        name: "id",
        type: { kind: "varint", signed: false },
        optional: false,
        span,
        line,
        doc: "Which request: a number of the one that asks, never used again.",
      },
      { name: "body", type: { kind: "union", name: body.name }, optional: false, span, line },
    ];
    this.raw.set(whole.name, { ...whole, kind: "struct", members, extensible: false });
    this.roots.push({ kind: "struct", name: whole.name });
    const parts = { request: request.name, response: response.name };
    return {
      message: whole.name,
      request: { asks: direction, ...parts, ...(errors ? { errors: errors.name } : {}) },
    };
  }

  /** A struct of a channel with requests. */
  #part(
    name: string,
    place: Place,
    expr: TypeExpr,
    docs: DocsAst,
  ): Extract<TypeModel, { kind: "struct" }> | undefined {
    const { span } = expr;
    let type: TypeModel | undefined;
    if (expr.kind === "struct") {
      this.#claim(name, `a part of channel \`${place.path}\``, span);
      type = this.#struct(name, place, expr, { name, docs, span });
    } else if (expr.kind !== "ref" || this.#types.has(expr.name) || !builtInTypes.has(expr.name)) {
      type = this.#resolve(expr, place, docs);
    } else {
      this.#d.report("SD1315", span, { name: expr.name }, messageHelp(expr.name));
      return undefined;
    }
    this.#finishBodies();
    if (type === undefined || type.kind === "struct") return type;
    this.#d.report("SD1315", span, { name: expr.kind === "ref" ? expr.name : expr.kind });
    return undefined;
  }

  #errors(
    owner: string,
    channel: string,
    expr: Extract<TypeExpr, { kind: "union" }>,
    docs: DocsAst,
  ): Extract<TypeModel, { kind: "union" }> | undefined {
    const name = `${owner}Error`;
    const { span } = expr;
    const parts = expr.variants.map((variant) => {
      const place = { name: name + pascalCase(variant.name), path: `${channel}.${variant.name}` };
      return this.#part(place.name, place, variant.type, variant.docs);
    });
    if (parts.includes(undefined)) return undefined;
    this.#claim(name, `the errors of channel \`${channel}\``, span);
    const variants = expr.variants.map(({ docs: own, name: variant, tag, span: at }, i) => ({
      ...own,
      name: variant,
      tag,
      type: parts[i]!,
      span: at,
    }));
    variants.sort((a, b) => a.tag - b.tag);
    const doc = "Why a request is declined.";
    this.raw.set(name, { kind: "union", name, docs: { doc, line: docs.line }, span, variants });
    return { kind: "union", name };
  }

  #finishBodies(): void {
    for (let next = this.#bodies.shift(); next; next = this.#bodies.shift()) next();
  }

  #named(name: string): TypeModel | undefined {
    if (this.#resolved.has(name)) return this.#resolved.get(name);
    const ast = this.#types.get(name)!;
    const { type, docs, span, maxDepth, maxBytes } = ast;
    const tsName = pascalCase(name);
    const raw = {
      name: tsName,
      docs,
      span,
      ...(maxDepth ? { maxDepth } : {}),
      ...(maxBytes ? { maxBytes } : {}),
    };
    const place = { name: tsName, path: name };
    let made: TypeModel | undefined;
    if (type.kind === "struct") made = this.#struct(tsName, place, type, raw);
    else if (type.kind === "union") made = this.#union(place, type, raw);
    else {
      this.#boundless(ast);
      this.#open.push(name);
      made =
        type.kind === "defined"
          ? this.#define(tsName, type, docs)
          : this.#resolve(type, place, docs);
      this.#open.pop();
    }
    this.#resolved.set(name, made);
    return made;
  }

  #boundless(ast: TypeAst): void {
    for (const key of ["maxDepth", "maxBytes"] as const) {
      const given = ast[key];
      const problem = "only a struct or union can hold itself";
      if (given) this.#d.report("SD1317", given.span, { key, name: ast.name, problem });
    }
  }

  #resolve(expr: TypeExpr, place: Place, docs: DocsAst): TypeModel | undefined {
    if (this.#references >= MAX_REFERENCES) {
      this.#d.report("SD1313", expr.span, { limit: MAX_TYPE_DEPTH });
      return undefined;
    }
    this.#references++;
    const type = this.#resolveInner(expr, place, docs);
    this.#references--;
    return type;
  }

  #resolveInner(expr: TypeExpr, place: Place, docs: DocsAst): TypeModel | undefined {
    const { span } = expr;
    const { name, path } = place;
    const claim = (what: string) => this.#claim(name, `${what} at \`${path}\``, span);
    switch (expr.kind) {
      case "leaf":
        return expr.type;
      case "ref":
        return this.#reference(expr.name, span);
      case "list": {
        const of = this.#resolve(expr.of, { name: `${name}Item`, path }, docs);
        return of && this.#site({ kind: "list", of, max: expr.max }, name, span, expr.of.span);
      }
      case "array": {
        const of = this.#resolve(expr.of, { name: `${name}Item`, path }, docs);
        const { length } = expr;
        return of && this.#site({ kind: "array", of, length }, name, span, expr.of.span);
      }
      case "map":
        return this.#map(expr, place, docs);
      case "defined":
        claim(kindOf({ kind: expr.of } as DefinedType).inPlace);
        return this.#define(name, expr, docs);
      case "union":
        claim("a union written in place");
        return this.#union(place, expr, { name, docs, span });
      case "struct":
        claim("a struct written in place");
        return this.#struct(name, place, expr, { name, docs, span });
    }
  }

  #reference(name: string, span: Span): TypeModel | undefined {
    const target = this.#types.get(name);
    if (target === undefined) {
      const guess = guessType(name, [...this.#types.keys()]);
      this.#d.report("SD1301", span, { name: quote(name) }, guess);
      return undefined;
    }
    const from = this.#open.indexOf(name);
    if (from < 0) return this.#named(name);
    const path = [...this.#open.slice(from), name].map((n) => `\`${n}\``).join(" -> ");
    this.#d.report("SD1311", span, { name, path });
    return undefined;
  }

  #map(
    expr: Extract<TypeExpr, { kind: "map" }>,
    { name, path }: Place,
    docs: DocsAst,
  ): TypeModel | undefined {
    const key = this.#resolve(expr.key, { name: `${name}Key`, path }, docs);
    const value = this.#resolve(expr.value, { name: `${name}Value`, path }, docs);
    if (key === undefined || value === undefined) return undefined;
    const good = isLeaf(key) ? kindOf(key).key(key) : `a ${key.kind}`;
    if (good !== true) {
      this.#d.report("SD1324", expr.key.span, { found: good });
      return undefined;
    }
    return this.#site({ kind: "map", key, value, max: expr.max }, name, expr.span, expr.span);
  }

  #site(type: TypeModel, name: string, span: Span, of: Span): TypeModel {
    this.sites.set(type, { name, span, of });
    return type;
  }

  #define(name: string, expr: Extract<TypeExpr, { kind: "defined" }>, docs: DocsAst): TypeModel {
    const { of: kind, values, bits } = expr;
    this.#definitions.set(name, { ...docs, name, values, bits });
    return { kind, name, bits } as DefinedType;
  }

  /** What these types need of the spec, as a model has it. */
  definitionsOf(types: readonly DefinedType[]): DefinedLists {
    const lists = definedKinds.map(({ list }) => [
      list,
      types.filter((type) => kindOf(type).list === list).map(({ name }) => this.definition(name)),
    ]);
    return Object.fromEntries(lists) as DefinedLists;
  }

  definition(name: string): Definition {
    return this.#definitions.get(name)!;
  }

  #union(place: Place, expr: Extract<TypeExpr, { kind: "union" }>, raw: RawType): TypeModel {
    const { name, path } = place;
    this.#bodies.push(() => {
      const variants: RawUnion["variants"][number][] = [];
      for (const variant of expr.variants) {
        const inline = {
          name: name + pascalCase(variant.name),
          path: `${path}.${variant.name}`,
        };
        const type = this.#resolve(variant.type, inline, variant.docs);
        const { docs, tag, span } = variant;
        if (type) variants.push({ ...docs, name: variant.name, tag, type, span });
      }
      if (variants.length < expr.variants.length) return;
      variants.sort((a, b) => a.tag - b.tag);
      this.raw.set(name, { ...raw, kind: "union", variants });
    });
    return { kind: "union", name };
  }

  #struct(
    name: string,
    place: Place,
    expr: Extract<TypeExpr, { kind: "struct" }>,
    raw: RawType,
  ): TypeModel {
    this.#bodies.push(() => {
      const members: RawMember[] = [];
      let latest: number | undefined;
      for (const member of expr.members) {
        const inline = {
          name: place.name + pascalCase(member.name),
          path: `${place.path}.${member.name}`,
        };
        const type = this.#resolve(member.type, inline, member.docs);
        this.#checkSince(member, expr.extensible, latest);
        latest = member.since?.value ?? latest;
        if (type) members.push(this.#member(member, type));
      }
      if (members.length < expr.members.length) return;
      this.raw.set(name, { ...raw, kind: "struct", members, extensible: expr.extensible });
    });
    return { kind: "struct", name };
  }

  #member(member: MemberAst, type: TypeModel): RawMember {
    const { name, optional, docs, span, since } = member;
    const value = member.default && checkedDefault(member, type, this, this.#d);
    return {
      ...docs,
      name,
      type,
      optional,
      span,
      ...(since ? { since: since.value } : {}),
      ...(value === undefined ? {} : { default: value }),
    };
  }

  /** What is added stands at the end, the oldest first, in a struct that may grow. */
  #checkSince(member: MemberAst, extensible: boolean, latest: number | undefined): void {
    const { name, since } = member;
    const report = (problem: string) =>
      this.#d.report("SD1320", since?.span ?? member.span, { name, problem });
    if (since === undefined) {
      if (latest !== undefined) report(`it is missing, behind members of version ${latest}`);
      return;
    }
    const { value } = since;
    const { version } = this.#spec;
    if (!extensible) report("only a struct or message with `extensible: true` may grow");
    else if (value > version) report(`${value}, but the protocol is at version ${version}`);
    else if (latest !== undefined && value < latest) {
      report(`${value}, behind members of version ${latest}`);
    }
  }

  #claim(name: string, what: string, span: Span): void {
    const other = this.#names.get(name);
    if (other !== undefined) this.#d.report("SD1303", span, { what, name, other });
    else if (reservedTypeNames.has(name)) {
      this.#d.report("SD1303", span, { what, name, other: "a part of the language" });
    } else {
      const { line } = this.#d.source.position(span.start);
      this.#names.set(name, `${what} (line ${line})`);
    }
  }
}

function messageHelp(type: string): { readonly help?: string } {
  // What needs options would need them here too.
  return typeForms.has(type) ? {} : { help: `make it a member: \`message: { value: ${type} }\`` };
}

/** What the runtime says where there is no answer of the application's. */
function failures(span: Span, line: number): Extract<TypeExpr, { kind: "defined" }> {
  const value = (name: string, value: number, doc: string) => ({ name, value, doc, line });
  return {
    kind: "defined",
    of: "enum",
    span,
    bits: 2,
    values: [
      value("unanswered", 0, "Nobody there answers these requests."),
      value("busy", 1, "Too many requests of this peer are open there."),
      value("internal", 2, "Whatever answers them has failed."),
    ],
  };
}
