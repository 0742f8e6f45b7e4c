/**
 * What V8 makes of a class depends on what its fields first hold: one that is undefined before it is a number is boxed anew
 * with each number, and one that comes later makes another class of its object. So every field has its value when its
 * constructor has run, and none is undefined before.
 */
import { fileURLToPath } from "node:url";
import { Node, Project, SyntaxKind } from "ts-morph";
import { expect, test } from "vitest";
import { Pacer } from "../src/session/congestion/pacer.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Fields without a value of their own to which the constructor gives none. */
function withoutValue(project: Project): string[] {
  const found: string[] = [];
  for (const file of project.getSourceFiles()) {
    for (const made of file.getDescendantsOfKind(SyntaxKind.ClassDeclaration)) {
      const body = made.getConstructors()[0]?.getBodyText() ?? "";
      for (const field of made.getInstanceProperties()) {
        if (!Node.isPropertyDeclaration(field)) continue;
        if (field.hasInitializer() || field.isAbstract() || field.hasExclamationToken()) continue;
        const name = field.getName();
        if (new RegExp(`this\\.${name}\\s*=[^=]`).test(body)) continue;
        // Private names are defined before the constructor runs, whatever the compiler is told.
        if (name.startsWith("#")) continue;
        found.push(`${file.getBaseName()}: ${made.getName()}.${name}`);
      }
    }
  }
  return found;
}

test("every field of a class has its value when the constructor has run", () => {
  const project = new Project({ compilerOptions: { allowJs: false } });
  project.addSourceFilesAtPaths([`${root}src/**/*.ts`, `${root}fuzz/**/*.ts`]);
  expect(project.getSourceFiles().length).toBeGreaterThan(100);
  expect(withoutValue(project)).toEqual([]);
});

test("one without is found", () => {
  const project = new Project({ useInMemoryFileSystem: true });
  project.createSourceFile(
    "planted.ts",
    `class Planted {
      good = 0;
      given: number;
      none: number | undefined;
      constructor() { this.given = 1; }
    }`,
  );
  expect(withoutValue(project)).toEqual(["planted.ts: Planted.none"]);
});

test("a field that the constructor gives its value is not there before", () => {
  // As fields are defined, they would come in the order of their declarations, those without a value first.
  expect(Object.keys(new Pacer(1200, 0))[0]).toBe("burst");
});
