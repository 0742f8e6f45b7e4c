/**
 * What reads like a name that has changed and could not be followed: access by a computed name, texts and names whose
 * type says nothing, JSON, and files that use generated code and belong to no project. Told, never changed. Worst case:
 * MAX_FILES files beside the project are looked at.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { ts } from "ts-morph";
import { Source } from "../../codegen/spec/source.ts";
import { holds } from "./containers.ts";
import type { Follower } from "./follow.ts";
import type { Target } from "./path.ts";
import { excerpt, type Place, placeOf } from "./places.ts";
import type { UserProject } from "./project.ts";

const MAX_FILES = 2000;
const MAX_FILE_BYTES = 1 << 20;

export interface Names {
  /** Old names of exports that changed, and of the property or text. */
  readonly all: readonly string[];
  /** The property or text alone. */
  readonly member: string | undefined;
}

/**
 * Access by names that are computed, to what has this one. Where the name is an enum's value, an index of the enum's own
 * type is left out: whatever value it has was followed to where it came from.
 */
export function computedAccess(
  project: UserProject,
  { name, kind }: Pick<Target, "name" | "kind">,
): Place[] {
  const checker = project.program.getTypeChecker();
  const places: Place[] = [];
  for (const source of project.ownFiles()) {
    const visit = (node: ts.Node): void => {
      if (ts.isElementAccessExpression(node) && !ts.isStringLiteralLike(node.argumentExpression)) {
        const type = checker.getTypeAtLocation(node.expression);
        const index = checker.getTypeAtLocation(node.argumentExpression);
        const may = kind === "value" ? !isOneOfFew(index) : !isNumber(index);
        if (may && holds({ type, holds: "properties" }, name, checker) === true) {
          places.push(placeOf(source, node.getStart(), `a computed name: ${excerpt(node)}`));
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return places;
}

/** Numbers name nothing of a spec. */
function isNumber({ flags }: ts.Type): boolean {
  return (flags & ts.TypeFlags.NumberLike) !== 0;
}

function isOneOfFew(type: ts.Type): boolean {
  const parts = type.isUnion() ? type.types : [type];
  return parts.every((part) => part.isLiteral());
}

/** Texts and names of properties whose type does not say what they are of. */
export function untyped(follower: Follower, before: (path: string) => string): Place[] {
  return follower.candidates.flatMap(({ path, at, untyped: loose, token }) => {
    if (!loose) return [];
    const { line, column } = new Source(path, before(path)).position(at);
    const what = ts.isIdentifier(token)
      ? "a property of something without a type"
      : "a text without a type";
    return [{ path, line, column, what: `${what}: ${excerpt(token.parent)}` }];
  });
}

/** JSON that has the name, and code that uses what is generated without belonging to the project. */
export function beside(project: UserProject, out: string, names: Names): Place[] {
  const { program } = project;
  const { outDir } = program.getCompilerOptions();
  const known = new Set(program.getSourceFiles().map(({ fileName }) => fileName));
  const skipped = new Set([out, ...(outDir === undefined ? [] : [outDir])].map((one) => `${one}/`));
  const places: Place[] = [];
  for (const path of filesBelow(project.folder)) {
    if ([...skipped].some((folder) => path.startsWith(folder)) || known.has(path)) continue;
    if (path.endsWith(".json")) {
      if (names.member === undefined) continue;
      places.push(...linesWith(path, [JSON.stringify(names.member)], "JSON"));
    } else if (/\.[cm]?[jt]sx?$/.test(path) && !/\.d\.[cm]?ts$/.test(path)) {
      const text = readText(path);
      if (text === undefined || !text.includes(`/${basename(out)}/`)) continue;
      const what = "in no project: name its tsconfig with --project, or change it by hand";
      const found = linesWith(path, names.all, what);
      places.push(...found.filter(({ line }) => isWord(text, line, names.all)));
    }
  }
  return places;
}

function isWord(text: string, line: number, names: readonly string[]): boolean {
  const at = text.split("\n")[line - 1]!;
  return names.some(
    (name) => at.split(/[^\p{ID_Continue}$]+/u).includes(name) || !/^\w+$/.test(name),
  );
}

function linesWith(path: string, words: readonly string[], what: string): Place[] {
  const lines = (readText(path) ?? "").split("\n");
  return lines.flatMap((text, i) => {
    const column = Math.min(
      ...words.map((word) => text.indexOf(word)).filter((found) => found >= 0),
    );
    if (!Number.isFinite(column)) return [];
    return [
      { path, line: i + 1, column: column + 1, what: `${what}: ${text.trim().slice(0, 60)}` },
    ];
  });
}

function readText(path: string): string | undefined {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) return undefined;
    return readFileSync(path, "utf8");
  } catch {
    // Gone, or not ours to read: nothing can be said about it.
    return undefined;
  }
}

/** Files below a folder but for `node_modules`, hidden ones, package.json and records of versions. */
function filesBelow(folder: string): string[] {
  const found: string[] = [];
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (found.length >= MAX_FILES) return;
      const { name } = entry;
      if (name.startsWith(".") || name === "node_modules") continue;
      if (entry.isDirectory()) visit(join(at, name));
      else if (entry.isFile() && !/^package(-lock)?\.json$|\.versions\.json$/.test(name)) {
        found.push(join(at, name));
      }
    }
  };
  visit(folder);
  return found;
}
