/** What CONTRIBUTING.md names is there: files, folders, scripts; and the editor's settings are those of the formatter. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const read = (path: string): string => readFileSync(root + path, "utf8");
const text = read("CONTRIBUTING.md");

describe("CONTRIBUTING.md", () => {
  const paths = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+|[\w-]+\.(?:yaml|md|json))`/g)].map(
    ([, path]) => path!,
  );

  test("names files", () => expect(paths.length).toBeGreaterThan(40));

  test.each([...new Set(paths)])("names %s, which is there", (path) => {
    expect(existsSync(root + path)).toBe(true);
  });

  test("has a recipe for each kind of change", () => {
    const recipes = [...text.split("## Recipes")[1]!.matchAll(/^### (.+)$/gm)].map(
      ([, name]) => name,
    );
    expect(recipes).toEqual([
      "A type kind",
      "A delivery mode",
      "A header role",
      "A zero message",
      "A diagnostic",
      "A congestion controller",
      "An artefact",
    ]);
  });

  const changes = JSON.parse(read("test/support/example-changes.json")) as {
    readonly recipe: string;
    readonly change: string;
    readonly files: readonly string[];
  }[];
  // What commands make, and what every change may touch.
  const always =
    /^(?:generated\/|docs\/(?:errors|counters|decisions)\.md$|C\w+\.md$)|\.schema\.json$/;

  test.each(changes)("names what $change touched, as $recipe", ({ recipe, files }) => {
    const steps = text.split(`### ${recipe}\n`)[1]!.split("\n##")[0]!;
    const folders = [...steps.matchAll(/`([\w/]+\/)`/g)].map(([, folder]) => folder!);
    const unnamed = files.filter(
      (file) =>
        existsSync(root + file) &&
        !always.test(file) &&
        !steps.includes(`\`${file}\``) &&
        !folders.some((folder) => file.startsWith(folder)),
    );
    expect(files.length).toBeGreaterThan(10);
    expect(unnamed).toEqual([]);
  });

  test("names scripts that are there", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/`?npm (?:run )?([a-z][\w:]*)/g)].map(([, name]) => name!);
    expect(named.filter((name) => name !== "ci" && scripts[name] === undefined)).toEqual([]);
  });
});

test(".editorconfig says what the formatter does", () => {
  const { formatter } = JSON.parse(read("biome.json")) as {
    formatter: { indentStyle: string; indentWidth: number; lineWidth: number };
  };
  const [, general] = read(".editorconfig").split("[*]\n");
  expect(general).toContain(`indent_style = ${formatter.indentStyle}\n`);
  expect(general).toContain(`indent_size = ${formatter.indentWidth}\n`);
  expect(general).toContain(`max_line_length = ${formatter.lineWidth}\n`);
});
