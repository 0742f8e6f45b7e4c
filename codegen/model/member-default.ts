/**
 * The value that `default` gives a member which an older writer does not have. Not the zero values of types without one:
 * the emitters know those. Only numbers, bools, strings and enums can be given.
 */
import type { Definitions, Given } from "../kinds/kind.ts";
import { isLeaf, kindOf } from "../kinds/kinds.ts";
import type { MemberAst } from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { describeNode } from "../spec/node.ts";
import type { TypeModel } from "./model.ts";

/** Undefined after a diagnostic. A bigint is given as decimal text. */
export function checkedDefault(
  member: MemberAst,
  type: TypeModel,
  all: Definitions,
  d: Diagnostics,
): Given | undefined {
  const { node, span } = member.default!;
  const refuse = (problem: string): undefined => {
    d.report("SD1321", span, { name: member.name, problem });
    return undefined;
  };
  if (member.since === undefined) return refuse("only a member with `since` can be missing");
  if (member.optional) return refuse("an optional member is absent where it is missing");
  const given = node.kind === "scalar" ? node.value : null;
  const expected = isLeaf(type) ? kindOf(type).expected(type, all) : undefined;
  if (!isLeaf(type) || expected === undefined) {
    return refuse(`a ${type.kind} cannot have one, it begins empty`);
  }
  const value = kindOf(type).accept(type, given, all);
  return value ?? refuse(`must be ${expected}, not ${describeNode(node)}`);
}
