/**
 * Names in TypeScript: where a name or a text stands in the syntax, what kind of use that is, and how another name is
 * written in its place. Knows no types and no spec. Worst case: one way down the tree for each question.
 */
import { ts } from "ts-morph";
import type { Edit } from "./edits.ts";

/** A name or a text that may be one. */
export type Token = ts.Identifier | ts.StringLiteral | ts.NoSubstitutionTemplateLiteral;

/** How a name is used where it stands. */
export type Syntax = "call" | "build" | "read" | "write" | "compare" | "value" | "type" | "import";

/** The name or text at an offset. */
export function tokenAt(source: ts.SourceFile, offset: number): Token | undefined {
  let found: ts.Node | undefined;
  const visit = (node: ts.Node): void => {
    if (node.pos > offset || offset >= node.end) return;
    found = node;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found !== undefined && isToken(found) ? found : undefined;
}

export function isToken(node: ts.Node): node is Token {
  return ts.isIdentifier(node) || ts.isStringLiteralLike(node);
}

/** Every name and text of a file that reads so, in order; no names of modules. */
export function tokensOf(source: ts.SourceFile, text: string): Token[] {
  // Most files do not have it, and looking is cheap. A text in quotes may be spelled with escapes.
  if (!source.text.includes(text) && !source.text.includes("\\")) return [];
  const found: Token[] = [];
  const visit = (node: ts.Node): void => {
    if (isToken(node) && node.text === text && !isModuleName(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isModuleName({ parent }: ts.Node): boolean {
  return (
    ts.isImportDeclaration(parent) ||
    ts.isExportDeclaration(parent) ||
    ts.isExternalModuleReference(parent) ||
    (ts.isLiteralTypeNode(parent) && ts.isImportTypeNode(parent.parent)) ||
    (ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword)
  );
}

/** Where a token's text begins: behind the quote of a text. */
export function startOf(token: Token): number {
  return token.getStart() + (ts.isIdentifier(token) ? 0 : 1);
}

const identifier = /^[\p{ID_Start}_$][\p{ID_Continue}_$]*$/u;

/** Puts another name of a property or text where a token stands; a local variable of the old name stays. */
export function renamed(token: Token, to: string): Edit {
  const { parent } = token;
  const start = token.getStart();
  const { end } = token;
  if (!ts.isIdentifier(token)) {
    const mark = token.getText()[0]!;
    return { start: start + 1, end: end - 1, text: escaped(to, mark) };
  }
  const key = identifier.test(to) ? to : JSON.stringify(to);
  if (ts.isPropertyAccessExpression(parent) && parent.name === token && key !== to) {
    const dot = parent.getSourceFile().text.lastIndexOf(".", start);
    return { start: parent.questionDotToken ? dot + 1 : dot, end, text: `[${key}]` };
  }
  const short =
    ts.isShorthandPropertyAssignment(parent) ||
    (ts.isBindingElement(parent) && parent.propertyName === undefined && parent.name === token);
  if (short) return { start, end, text: `${key}: ${token.text}` };
  const whole = shortenedBy(token, key);
  return { start, end: whole ?? end, text: key };
}

/** Where `name: variable` ends, on one line, if the variable has the new name already. */
function shortenedBy(token: ts.Identifier, to: string): number | undefined {
  const { parent } = token;
  let variable: ts.Node | undefined;
  if (ts.isPropertyAssignment(parent) && parent.name === token) variable = parent.initializer;
  if (ts.isBindingElement(parent) && parent.propertyName === token) variable = parent.name;
  if (variable === undefined || !ts.isIdentifier(variable) || variable.text !== to)
    return undefined;
  const between = token.getSourceFile().text.slice(token.end, variable.getStart());
  return /^[ \t]*:[ \t]*$/.test(between) ? variable.end : undefined;
}

function escaped(text: string, mark: string): string {
  const inner = JSON.stringify(text).slice(1, -1);
  if (mark === '"') return inner;
  const plain = inner.replaceAll('\\"', '"').replaceAll(mark, `\\${mark}`);
  return mark === "`" ? plain.replaceAll("${", "\\${") : plain;
}

export function syntaxOf(token: Token): Syntax {
  const { parent } = token;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return "import";
  if (ts.isLiteralTypeNode(parent)) return "type";
  const access = accessOf(token);
  if (access !== undefined) return accessSyntax(access);
  if (ts.isBindingElement(parent)) return "read";
  if (isPropertyName(token)) return ts.isObjectLiteralElementLike(parent) ? "build" : "type";
  if (ts.isIdentifier(token)) {
    if (isPartOfType(token)) return "type";
    return ts.isCallExpression(parent) && parent.expression === token ? "call" : "read";
  }
  return ts.isCaseClause(parent) || comparedWith(token) !== undefined ? "compare" : "value";
}

/** `a.name` or `a["name"]`. */
export function accessOf(
  token: ts.Node,
): ts.PropertyAccessExpression | ts.ElementAccessExpression | undefined {
  const { parent } = token;
  if (ts.isPropertyAccessExpression(parent) && parent.name === token) return parent;
  if (ts.isElementAccessExpression(parent) && parent.argumentExpression === token) return parent;
  return undefined;
}

function accessSyntax(access: ts.Expression): Syntax {
  const { parent } = access;
  if (ts.isCallExpression(parent) && parent.expression === access) return "call";
  if (!ts.isBinaryExpression(parent) || parent.left !== access) return "read";
  const { kind } = parent.operatorToken;
  const assigns = kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
  return assigns ? "write" : "read";
}

function isPropertyName(token: Token): boolean {
  const parent = token.parent as ts.Node & { name?: ts.Node };
  return parent.name === token;
}

function isPartOfType(token: ts.Node): boolean {
  const { parent } = token;
  if (ts.isQualifiedName(parent)) return isPartOfType(parent);
  return ts.isTypeNode(parent) || ts.isHeritageClause(parent.parent ?? parent);
}

/** The other side of `===` and its like. */
export function comparedWith(node: ts.Node): ts.Expression | undefined {
  const { parent } = node;
  if (!ts.isBinaryExpression(parent)) return undefined;
  const { kind } = parent.operatorToken;
  const compares =
    kind === ts.SyntaxKind.EqualsEqualsEqualsToken ||
    kind === ts.SyntaxKind.ExclamationEqualsEqualsToken ||
    kind === ts.SyntaxKind.EqualsEqualsToken ||
    kind === ts.SyntaxKind.ExclamationEqualsToken;
  if (!compares) return undefined;
  return parent.left === node ? parent.right : parent.left;
}
