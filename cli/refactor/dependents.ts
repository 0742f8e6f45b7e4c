/**
 * Which files of a project may mean something else after others have changed: those that come to a changed one by their
 * imports. A changed file that adds to what every file sees (a script, `declare global`) makes it all of them. Worst
 * case: one walk over each file of the project.
 */
import { ts } from "ts-morph";
import type { UserProject } from "./project.ts";

/** The user's own files among them, by path. */
export function dependents(project: UserProject, changed: ReadonlySet<string>): string[] {
  const { program } = project;
  const checker = program.getTypeChecker();
  const files = program
    .getSourceFiles()
    .filter((file) => !program.isSourceFileFromExternalLibrary(file))
    .filter((file) => !program.isSourceFileDefaultLibrary(file));
  const isChanged = ({ fileName }: ts.SourceFile) =>
    changed.has(fileName) || project.generatedName(fileName) !== undefined;
  const own = project.ownFiles().map(({ fileName }) => fileName);
  if (files.some((file) => isChanged(file) && isSeenByAll(file))) return own;
  const importers = new Map<string, string[]>();
  for (const file of files) {
    for (const target of importsOf(file, checker)) {
      importers.set(target, [...(importers.get(target) ?? []), file.fileName]);
    }
  }
  const reached = new Set(files.filter(isChanged).map(({ fileName }) => fileName));
  // What is added while the set is walked is walked too.
  for (const path of reached) for (const by of importers.get(path) ?? []) reached.add(by);
  return own.filter((path) => reached.has(path));
}

function isSeenByAll(file: ts.SourceFile): boolean {
  return !ts.isExternalModule(file) || /\bdeclare\s+(global|module)\b/.test(file.text);
}

/** Files that one imports, in whatever form. */
function importsOf(file: ts.SourceFile, checker: ts.TypeChecker): Set<string> {
  const found = new Set<string>();
  const take = (specifier: ts.Node | undefined): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    for (const module of checker.getSymbolAtLocation(specifier)?.declarations ?? []) {
      found.add(module.getSourceFile().fileName);
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) take(node.moduleSpecifier);
    else if (ts.isExternalModuleReference(node)) take(node.expression);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      take(node.argument.literal);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      take(node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
