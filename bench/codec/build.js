/** Generates a spec of the benchmarks into bench/tmp/ and makes JavaScript of it, where the package's own name resolves. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { generate } from "#codegen/generate.js";

/** The folder with the compiled code of `spec`, both as URLs. */
export async function build(spec, name) {
  const folder = new URL(`../tmp/${name}/`, import.meta.url);
  rmSync(folder, { recursive: true, force: true });
  const typed = fileURLToPath(new URL("ts/", folder));
  const { model, loaded } = await generate({ spec: fileURLToPath(spec), out: typed });
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.sorted(), null, 2));
  mkdirSync(new URL("js/", folder));
  for (const file of readdirSync(typed).filter((entry) => entry.endsWith(".ts"))) {
    const { outputText } = ts.transpileModule(readFileSync(`${typed}/${file}`, "utf8"), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(new URL(`js/${file.replace(/\.ts$/, ".js")}`, folder), outputText);
  }
  return new URL("js/", folder);
}
