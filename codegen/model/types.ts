/**
 * Type expressions to the structs and enums of the model: references resolved, inline types named, members laid out.
 * Names are decided here once. Worst case: each type is resolved once; nesting is bounded by MAX_TYPE_DEPTH, so no
 * generated decoder is deeper.
 */
import type { DocsAst, MemberAst, SpecAst, TypeAst, TypeExpr } from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { pascalCase, reservedTypeNames } from "../spec/names.ts";
import { quote } from "../spec/node.ts";
import { bitsFor } from "../spec/parse-numbers.ts";
import { suggestType } from "../spec/parse-types.ts";
import type { Span } from "../spec/source.ts";
import { elementSize, layOut, type PlainMember } from "./layout.ts";
import type { EnumModel, StructModel, TypeModel } from "./model.ts";

/** Structs and lists inside each other: how deep a generated decoder goes. */
export const MAX_TYPE_DEPTH = 32;
/** References followed one from another while resolving, aliases too: how deep this file goes. */
const MAX_REFERENCES = 256;
/** No message is larger, whatever the budgets. */
export const MAX_MESSAGE_BYTES: number = 2 ** 30;

export class TypeResolver {
  readonly structs: Map<string, StructModel> = new Map();
  readonly enums: Map<string, EnumModel> = new Map();
  readonly #d: Diagnostics;
  readonly #types: ReadonlyMap<string, TypeAst>;
  /** TypeScript names and what has them, for the diagnostic about a clash. */
  readonly #names = new Map<string, string>();
  /** Types of the section that are done; undefined where they are wrong. */
  readonly #resolved = new Map<string, TypeModel | undefined>();
  /** Types being resolved, outermost first. */
  readonly #open: string[] = [];
  #references = 0;
  /** Of each struct: levels of structs and lists, itself included. */
  readonly #depths = new Map<string, number>();

  constructor(spec: SpecAst, diagnostics: Diagnostics) {
    this.#d = diagnostics;
    this.#types = new Map(spec.types.map((type) => [type.name, type]));
    for (const { name, span } of spec.types) {
      this.#claim(pascalCase(name), `type \`${name}\``, span);
    }
  }

  /** The section `types`, used or not. */
  resolveAll(): void {
    for (const type of this.#types.values()) this.#named(type.name);
  }

  /** The struct that is a channel's message. */
  message(channel: string, expr: TypeExpr, docs: DocsAst): StructModel | undefined {
    const owner = pascalCase(channel);
    if (expr.kind === "struct") {
      const name = `${owner}Message`;
      this.#claim(name, `the message of channel \`${channel}\``, expr.span);
      // Inline types of a message are named after the channel alone: `EventKind`, not `EventMessageKind`.
      return this.#struct(name, owner, expr.members, docs);
    }
    const type = this.#resolve(expr, owner, docs);
    if (type === undefined) return undefined;
    if (type.kind === "struct") return this.structs.get(type.name);
    const name = expr.kind === "ref" ? expr.name : expr.kind;
    this.#d.report("SD1315", expr.span, { name });
    return undefined;
  }

  #named(name: string): TypeModel | undefined {
    if (this.#resolved.has(name)) return this.#resolved.get(name);
    const ast = this.#types.get(name)!;
    this.#open.push(name);
    const type = this.#definition(ast);
    this.#open.pop();
    this.#resolved.set(name, type);
    return type;
  }

  #definition(ast: TypeAst): TypeModel | undefined {
    const { type, docs } = ast;
    const name = pascalCase(ast.name);
    if (type.kind === "struct") {
      return this.#struct(name, name, type.members, docs) && { kind: "struct", name };
    }
    if (type.kind === "enum") return this.#enum(name, type, docs);
    return this.#resolve(type, name, docs);
  }

  /** `name` is what an inline struct or enum would be called. */
  #resolve(expr: TypeExpr, name: string, docs: DocsAst): TypeModel | undefined {
    if (this.#references >= MAX_REFERENCES) {
      this.#d.report("SD1313", expr.span, { limit: MAX_TYPE_DEPTH });
      return undefined;
    }
    this.#references++;
    const type = this.#resolveInner(expr, name, docs);
    this.#references--;
    // Whatever order the types were resolved in: what counts is how deep they lie in each other.
    if (type === undefined || this.#depthOf(type) <= MAX_TYPE_DEPTH) return type;
    this.#d.report("SD1313", expr.span, { limit: MAX_TYPE_DEPTH });
    return undefined;
  }

  #resolveInner(expr: TypeExpr, name: string, docs: DocsAst): TypeModel | undefined {
    switch (expr.kind) {
      case "leaf":
        return expr.type;
      case "ref":
        return this.#reference(expr.name, expr.span);
      case "list":
        return this.#list(expr, name, docs);
      case "enum":
        this.#claim(name, "an enum written in place", expr.span);
        return this.#enum(name, expr, docs);
      case "struct":
        this.#claim(name, "a struct written in place", expr.span);
        return this.#struct(name, name, expr.members, docs) && { kind: "struct", name };
    }
  }

  #reference(name: string, span: Span): TypeModel | undefined {
    const target = this.#types.get(name);
    if (target === undefined) {
      const suggestion = suggestType(name, this.#types.keys());
      this.#d.report("SD1301", span, { name: quote(name) }, { suggestion });
      return undefined;
    }
    const from = this.#open.indexOf(name);
    if (from < 0) return this.#named(name);
    const cycle = this.#open.slice(from);
    const path = [...cycle, name].map((n) => `\`${n}\``).join(" -> ");
    const through = cycle.some((n) => this.#types.get(n)!.type.kind === "struct");
    // Without the row there is still nobody who could lay such a type out: then the alias diagnostic has to do.
    if (!through || !this.#d.unsupported("type-recursion", span)) {
      this.#d.report("SD1311", span, { name, path });
    }
    return undefined;
  }

  #list(
    expr: Extract<TypeExpr, { kind: "list" }>,
    name: string,
    docs: DocsAst,
  ): TypeModel | undefined {
    const of = this.#resolve(expr.of, `${name}Item`, docs);
    if (of === undefined) return undefined;
    if (elementSize(of, this.structs).min === 0) {
      this.#d.report("SD1312", expr.of.span, {});
      return undefined;
    }
    const type: TypeModel = { kind: "list", of, max: expr.max };
    const worst = elementSize(type, this.structs).max;
    return this.#tooLarge(name, worst, expr.span) ? undefined : type;
  }

  #enum(name: string, expr: Extract<TypeExpr, { kind: "enum" }>, docs: DocsAst): TypeModel {
    const values = [...expr.values].sort((a, b) => a.value - b.value);
    const bits = bitsFor(values[values.length - 1]!.value);
    this.enums.set(name, { ...docs, name, values, bits });
    return { kind: "enum", name, bits };
  }

  #struct(
    name: string,
    owner: string,
    members: readonly MemberAst[],
    docs: DocsAst,
  ): StructModel | undefined {
    const plain: PlainMember[] = [];
    for (const member of members) {
      const inline = owner + pascalCase(member.name);
      const type = this.#resolve(member.type, inline, member.docs);
      const { name: memberName, optional, docs: memberDocs } = member;
      if (type) plain.push({ ...memberDocs, name: memberName, type, optional });
    }
    if (plain.length < members.length) return undefined;
    const struct = layOut(name, docs, plain, this.structs);
    const span = members[0]?.span ?? { start: 0, end: 0 };
    if (this.#tooLarge(name, struct.maxBytes, span)) return undefined;
    this.structs.set(name, struct);
    this.#depths.set(name, 1 + Math.max(0, ...plain.map((member) => this.#depthOf(member.type))));
    return struct;
  }

  #depthOf(type: TypeModel): number {
    if (type.kind === "list") return 1 + this.#depthOf(type.of);
    return type.kind === "struct" ? (this.#depths.get(type.name) ?? 0) : 0;
  }

  #tooLarge(name: string, worst: number, span: Span): boolean {
    if (worst <= MAX_MESSAGE_BYTES) return false;
    this.#d.report("SD1314", span, { name, worst, limit: MAX_MESSAGE_BYTES });
    return true;
  }

  #claim(name: string, what: string, span: Span): void {
    const other = this.#names.get(name);
    if (other !== undefined) this.#d.report("SD1303", span, { what, name, other });
    else if (reservedTypeNames.has(name)) {
      this.#d.report("SD1303", span, { what, name, other: "a part of the language" });
    } else this.#names.set(name, what);
  }
}
