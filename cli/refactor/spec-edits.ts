/**
 * What a new name changes in the text of a spec: the name itself, and whatever refers to it (types by name, `default`
 * of an enum, `replacedBy` beside it). Everything else of the text stays, comments and formatting too. Whether the new
 * name is legal and free is the parser's to say. Worst case: one pass over the spec.
 */
import type { MemberAst, SpecAst, TypeExpr } from "../../codegen/spec/ast.ts";
import type { MapNode, Node } from "../../codegen/spec/node.ts";
import type { Span } from "../../codegen/spec/source.ts";
import type { Edit } from "./edits.ts";
import type { Target } from "./path.ts";

export function specEdits(text: string, spec: SpecAst, target: Target, to: string): Edit[] {
  const { name, kind, siblings } = target;
  const spans = [target.span, ...replacements(siblings, name)];
  if (kind === "type") spans.push(...references(spec, name));
  if (kind === "value") spans.push(...defaults(spec, target));
  return spans.map(({ start, end }) => ({ start, end, text: scalar(text.slice(start, end), to) }));
}

/** A name as YAML, in the quotes that the old one had. */
function scalar(before: string, name: string): string {
  if (before.startsWith('"')) return JSON.stringify(name);
  if (before.startsWith("'") && !/[\p{Cc}]/u.test(name)) return `'${name.replaceAll("'", "''")}'`;
  const plain = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name);
  return plain && !/^(null|true|false)$/i.test(name) ? name : JSON.stringify(name);
}

/** Texts `replacedBy` of what stands beside it. */
function replacements(siblings: MapNode, name: string): Span[] {
  const at = (node: Node | undefined, key: string): Node | undefined =>
    node?.kind === "map" ? node.entries.find((entry) => entry.key === key)?.value : undefined;
  return siblings.entries.flatMap(({ value }) => {
    const named = at(at(value, "deprecated"), "replacedBy");
    return named?.kind === "scalar" && named.value === name ? [named.span] : [];
  });
}

/** Every place where a type of the spec is named. */
function references(spec: SpecAst, name: string): Span[] {
  return [...expressions(spec)].flatMap((expr) =>
    expr.kind === "ref" && expr.name === name ? [expr.span] : [],
  );
}

/** Values of `default` that are this value of an enum. */
function defaults(spec: SpecAst, { name, owner }: Target): Span[] {
  const types = new Map(spec.types.map((type) => [type.name, type.type]));
  const defined = (expr: TypeExpr): TypeExpr => {
    let at = expr;
    // No alias leads back to itself: the spec is right.
    for (let next: TypeExpr | undefined = at; next?.kind === "ref"; next = types.get(next.name)) {
      at = types.get(next.name) ?? next;
    }
    return at;
  };
  const members: MemberAst[] = [];
  for (const expr of expressions(spec)) if (expr.kind === "struct") members.push(...expr.members);
  return members.flatMap(({ type, default: given }) => {
    if (given?.node.kind !== "scalar" || given.node.value !== name) return [];
    return defined(type).span.start === owner.start ? [given.span] : [];
  });
}

/** Every type that is written in the spec, outer ones first. */
function* expressions(spec: SpecAst): Generator<TypeExpr> {
  for (const { type } of spec.types) yield* within(type);
  for (const { message, request } of spec.channels) {
    yield* within(message);
    if (request === undefined) continue;
    yield* within(request.response);
    if (request.errors !== undefined) yield* within(request.errors);
  }
  for (const { message } of spec.system) yield* within(message);
}

function* within(expr: TypeExpr): Generator<TypeExpr> {
  yield expr;
  switch (expr.kind) {
    case "list":
    case "array":
      yield* within(expr.of);
      break;
    case "map":
      yield* within(expr.key);
      yield* within(expr.value);
      break;
    case "struct":
      for (const { type } of expr.members) yield* within(type);
      break;
    case "union":
      for (const { type } of expr.variants) yield* within(type);
      break;
    default:
  }
}
