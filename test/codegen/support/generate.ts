/**
 * Generates a model into test/tmp, inside the repository so that the package's own name resolves, and imports the result.
 * `typeProblems` compiles several of them together, once, under the flags that users' projects have.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { transformSync } from "esbuild";
import ts from "typescript";
import { emit } from "#codegen/emit/emit.js";
import { type Artefact, artefacts } from "#codegen/model/artefacts.js";
import type { Model } from "#codegen/model/model.js";

const root = resolve("test/tmp");

const strict = new URL("../../support/strict.tsconfig.json", import.meta.url);
/** The flags of the strictest project that a user may have. */
export const { options } = ts.convertCompilerOptionsFromJson(
  {
    ...JSON.parse(readFileSync(strict, "utf8")).compilerOptions,
    moduleDetection: "force",
  },
  resolve("."),
);

export interface Generated {
  readonly folder: string;
  readonly files: ReadonlyMap<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: code that was just generated
  load(name: string): Promise<any>;
}

/** Writes the TypeScript and, beside it, the JavaScript of a model's files; of what may be made beside the code all. */
export async function generate(
  name: string,
  model: Model,
  beside: readonly Artefact[] = artefacts,
): Promise<Generated> {
  const folder = join(root, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "js"), { recursive: true });
  const files = await emit(model, [], beside);
  for (const [file, text] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
    if (!file.endsWith(".ts")) continue;
    writeFileSync(join(folder, "js", file.replace(/\.ts$/, ".js")), javaScriptOf(text));
  }
  const load = (file: string) => import(pathToFileURL(join(folder, "js", `${file}.js`)).href);
  return { folder, files, load };
}

/** As `generate`, only the named modules of many models, as JavaScript. In the order of the models. */
export async function generateAll(
  name: string,
  models: readonly Model[],
  modules: readonly string[],
): Promise<Generated[]> {
  const emitted = await Promise.all(models.map((model) => emit(model)));
  return emitted.map((files, i) => {
    const folder = join(root, `${name}-${i}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const file of modules) {
      const text = files.get(`${file}.ts`) ?? "";
      writeFileSync(join(folder, `${file}.js`), javaScriptOf(text));
    }
    const load = (file: string) => import(pathToFileURL(join(folder, `${file}.js`)).href);
    return { folder, files, load };
  });
}

/** A module without its types, in a tenth of the compiler's time. */
export function javaScriptOf(text: string): string {
  const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true } };
  const { code } = transformSync(text, { loader: "ts", target: "es2023", tsconfigRaw });
  return code.replace(/\b((?:from|import) "\.[^"]*)\.ts"/g, '$1.js"');
}

/** What the compiler says about these files; empty when all is well. */
export function typeProblems(files: readonly string[]): string[] {
  const program = ts.createProgram(files, { ...options, noEmit: true });
  return ts.getPreEmitDiagnostics(program).map((d) => {
    const at = d.file?.getLineAndCharacterOfPosition(d.start ?? 0);
    const text = ts.flattenDiagnosticMessageText(d.messageText, " ");
    return `${d.file?.fileName.slice(root.length + 1)}:${(at?.line ?? 0) + 1} ${text}`;
  });
}

/** All generated TypeScript of some models. */
export function typeScriptOf(all: readonly Generated[]): string[] {
  return all.flatMap((g) =>
    [...g.files.keys()].filter((file) => file.endsWith(".ts")).map((file) => join(g.folder, file)),
  );
}
