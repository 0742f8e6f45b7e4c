/**
 * Which declarations of generated code have another name after a rename: the code of the old spec and that of the new
 * are walked side by side, declaration by declaration, so that nothing that is made from a name can be forgotten. Only
 * what other code can name counts: exports, their members, and the texts of literal types. Not what is in bodies.
 * Worst case: every generated file is parsed twice.
 */
import { ts } from "ts-morph";

export interface Renamed {
  /** In the output folder. */
  readonly file: string;
  /** Where the old name stands in the old text of the file; of a text in quotes, behind the first. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  /** A name of the module, a property of what it exports, or a text of a literal type. */
  readonly role: "export" | "member" | "literal";
  /** The export that it is, or belongs to, by its old name. */
  readonly owner: string;
}

/** Names relative to the output folder -> text, of code and declarations. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** Declarations that differ. Throws where the files differ in more than names. */
export function renamedDeclarations(before: GeneratedFiles, after: GeneratedFiles): Renamed[] {
  const found: Renamed[] = [];
  for (const [file, text] of before) {
    // Declarations of JavaScript stand beside it.
    if (!file.endsWith(".ts")) continue;
    new DeclarationDiff(file, text, after.get(file) ?? "", found).walk();
  }
  return found;
}

class DeclarationDiff {
  readonly #file: string;
  readonly #old: ts.SourceFile;
  readonly #new: ts.SourceFile;
  readonly #found: Renamed[];

  constructor(file: string, before: string, after: string, found: Renamed[]) {
    this.#file = file;
    this.#old = ts.createSourceFile(file, before, ts.ScriptTarget.ESNext, true);
    this.#new = ts.createSourceFile(file, after, ts.ScriptTarget.ESNext, true);
    this.#found = found;
  }

  walk(): void {
    const own = (source: ts.SourceFile) =>
      source.statements.filter((statement) => !ts.isImportDeclaration(statement));
    this.#each(own(this.#old), own(this.#new), (before, after) => {
      if (ts.isVariableStatement(before) && ts.isVariableStatement(after)) {
        const lists = [before, after].map((one) => one.declarationList.declarations);
        if (!exported(before)) return;
        this.#each(lists[0]!, lists[1]!, (one, other) => this.#declaration(one, other));
      } else if (exported(before)) this.#declaration(before, after);
    });
  }

  #each<N extends ts.Node>(
    before: readonly N[],
    after: readonly N[],
    visit: (before: N, after: N) => void,
  ): void {
    if (before.length !== after.length) throw this.#unlike();
    before.forEach((one, i) => {
      if (one.kind !== after[i]!.kind) throw this.#unlike();
      visit(one, after[i]!);
    });
  }

  #unlike(): Error {
    return new Error(`stardust: ${this.#file} of both names differs in more than names`);
  }

  #declaration(before: ts.Node, after: ts.Node): void {
    const name = nameOf(before);
    if (name === undefined) return;
    const owner = textOf(name);
    this.#name(name, nameOf(after), "export", owner);
    this.#members(before, after, owner);
  }

  /** What stands in an interface, a class, a type or a constant object. */
  #members(before: ts.Node, after: ts.Node, owner: string): void {
    const [one, other] = [partsOf(before), partsOf(after)];
    this.#each(one, other, (a, b) => {
      if (ts.isLiteralTypeNode(a) && ts.isLiteralTypeNode(b)) {
        if (ts.isStringLiteral(a.literal)) this.#name(a.literal, b.literal, "literal", owner);
        return;
      }
      const name = nameOf(a);
      if (name !== undefined) this.#name(name, nameOf(b), "member", owner);
      this.#members(a, b, owner);
    });
  }

  #name(before: ts.Node, after: ts.Node | undefined, role: Renamed["role"], owner: string): void {
    if (after === undefined) throw this.#unlike();
    const [from, to] = [textOf(before), textOf(after)];
    if (from === to) return;
    const at = before.getStart(this.#old) + (ts.isStringLiteral(before) ? 1 : 0);
    this.#found.push({ file: this.#file, at, from, to, role, owner });
  }
}

function exported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
}

/** The name of a declaration that others can use. */
function nameOf(node: ts.Node): ts.Identifier | ts.StringLiteral | undefined {
  const { name } = node as ts.Node & { name?: ts.Node };
  return name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteral(name))
    ? name
    : undefined;
}

function textOf(node: ts.Node): string {
  return (node as ts.Identifier | ts.StringLiteral).text;
}

/** What of a node may hold names that others can use. */
function partsOf(node: ts.Node): readonly ts.Node[] {
  if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) || ts.isTypeLiteralNode(node))
    return [...node.members];
  if (ts.isObjectLiteralExpression(node)) return [...node.properties];
  if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node)) return [...node.types];
  if (ts.isTypeOperatorNode(node) || ts.isParenthesizedTypeNode(node)) return [node.type];
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return partsOf(node.expression);
  if (ts.isTypeAliasDeclaration(node)) return [node.type];
  if (ts.isVariableDeclaration(node)) {
    return [node.type, node.initializer].flatMap((part) => (part === undefined ? [] : [part]));
  }
  if (ts.isPropertySignature(node) || ts.isPropertyDeclaration(node)) {
    return node.type === undefined ? [] : [node.type];
  }
  if (ts.isPropertyAssignment(node)) return [node.initializer];
  return [];
}
