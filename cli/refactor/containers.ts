/**
 * What a name or text is looked up in: the type that must have a property of that name, or the texts that a place
 * takes. Whether that type has the name before a rename, and after it, tells whose name it is, however the types came
 * about (`Record<Side, …>`, `keyof`, unions, what was inferred). Worst case: one question to the compiler a token.
 */
import { ts } from "ts-morph";
import { accessOf, comparedWith, type Token } from "./tokens.ts";

/** A type, and whether names are its properties or its values. */
export interface Container {
  readonly type: ts.Type;
  readonly holds: "properties" | "texts";
}

/** Undefined for a token that is looked up in nothing: a variable's name, a text that may be any. */
export function containerOf(token: Token, checker: ts.TypeChecker): Container | undefined {
  const properties = (type: ts.Type | undefined): Container | undefined =>
    type && { type, holds: "properties" };
  const texts = (type: ts.Type | undefined): Container | undefined =>
    type && { type, holds: "texts" };
  const { parent } = token;
  const access = accessOf(token);
  if (access !== undefined) return properties(checker.getTypeAtLocation(access.expression));
  if (ts.isBindingElement(parent)) return properties(boundBy(parent, token, checker));
  const literal = literalOf(token);
  if (literal !== undefined) return properties(checker.getContextualType(literal));
  if (ts.isIdentifier(token)) return undefined;
  if (ts.isLiteralTypeNode(parent)) return ofTypeNode(parent, checker);
  const other = comparedWith(token);
  if (other !== undefined) return texts(checker.getTypeAtLocation(other));
  if (ts.isCaseClause(parent)) {
    return texts(checker.getTypeAtLocation(parent.parent.parent.expression));
  }
  if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.InKeyword) {
    return parent.left === token ? properties(checker.getTypeAtLocation(parent.right)) : undefined;
  }
  return texts(checker.getContextualType(token));
}

/** What an object pattern takes apart. */
function boundBy(
  element: ts.BindingElement,
  token: Token,
  checker: ts.TypeChecker,
): ts.Type | undefined {
  if (!ts.isObjectBindingPattern(element.parent)) return undefined;
  const name = element.propertyName ?? (element.dotDotDotToken ? undefined : element.name);
  return name === token ? checker.getTypeAtLocation(element.parent) : undefined;
}

/** The object literal whose property's name this is. */
export function literalOf(token: Token): ts.ObjectLiteralExpression | undefined {
  const computed = ts.isComputedPropertyName(token.parent);
  const property = (computed ? token.parent.parent : token.parent) as ts.Node & { name?: ts.Node };
  if (property.name !== (computed ? token.parent : token)) return undefined;
  const { parent } = property;
  return parent !== undefined && ts.isObjectLiteralExpression(parent) ? parent : undefined;
}

/** Types of the language whose second argument names parts of the first. */
const selective: Readonly<Record<string, Container["holds"]>> = {
  Pick: "properties",
  Omit: "properties",
  Exclude: "texts",
  Extract: "texts",
};

/** `A["name"]`, `Pick<A, "name">` and their like. */
function ofTypeNode(literal: ts.TypeNode, checker: ts.TypeChecker): Container | undefined {
  let node = literal;
  while (ts.isUnionTypeNode(node.parent) || ts.isParenthesizedTypeNode(node.parent)) {
    node = node.parent;
  }
  const { parent } = node;
  if (ts.isIndexedAccessTypeNode(parent) && parent.indexType === node) {
    return { type: checker.getTypeFromTypeNode(parent.objectType), holds: "properties" };
  }
  if (!ts.isTypeReferenceNode(parent) || parent.typeArguments?.[1] !== node) return undefined;
  const holds = selective[parent.typeName.getText()];
  if (holds === undefined) return undefined;
  return { type: checker.getTypeFromTypeNode(parent.typeArguments[0]!), holds };
}

/** Whether it has the name; undefined where nobody can say: `any`, an error, an unbound type parameter. */
export function holds(
  { type, holds: what }: Container,
  name: string,
  checker: ts.TypeChecker,
): boolean | undefined {
  let unknown = false;
  for (const part of partsOf(type, checker)) {
    if (part.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.Never)) unknown = true;
    else if (what === "texts" ? isText(part, name) : checker.getPropertyOfType(part, name))
      return true;
  }
  return unknown ? undefined : false;
}

/** Whether a container has its type from the token itself, as a parameter `E` has that of what it is given. */
export function isOfItself(
  token: Token,
  { type, holds: what }: Container,
  checker: ts.TypeChecker,
): boolean {
  const { parent } = token;
  if (what === "texts") {
    return isText(type, token.text) && ts.isCallExpression(parent) && parent.expression !== token;
  }
  const property = checker.getPropertyOfType(type, token.text)?.valueDeclaration;
  return property !== undefined && (property === parent || property === parent.parent);
}

/** The members of a union, those of a type parameter's bound. */
function partsOf(type: ts.Type, checker: ts.TypeChecker): readonly ts.Type[] {
  const flags = ts.TypeFlags.Instantiable;
  const bound = type.flags & flags ? checker.getBaseConstraintOfType(type) : type;
  if (bound === undefined) return [checker.getUnknownType()];
  const parts = bound.isUnion() ? bound.types : [bound];
  return parts.flatMap((part) =>
    part.flags & flags && part !== type ? partsOf(part, checker) : [part],
  );
}

function isText(type: ts.Type, text: string): boolean {
  return type.isStringLiteral() && type.value === text;
}
