/**
 * Before any test: generates and compiles every spec of test/specs/ once. `<name>.yaml` becomes
 * test/tmp/specs/<name>/generated/, the files of the folder `<name>/` beside it are copied next to that, and all are
 * compiled together, under the strict flags, into test/tmp/dist/<name>/ (specs.ts finds it there). Inside the repository, because only there the
 * package's own name resolves. JavaScript, so that Node 20 runs it by itself too: the types of the tests need it.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "#codegen/generate.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const specs = join(root, "test", "specs");
const tmp = join(root, "test", "tmp");

/** The strictest settings that users' projects have; generated code must compile under all of them. */
export const strictOptions = {
  target: "es2023",
  lib: ["es2023", "es2024.sharedmemory", "esnext.disposable"],
  types: ["node"],
  module: "nodenext",
  strict: true,
  isolatedModules: true,
  isolatedDeclarations: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  noImplicitReturns: true,
  noImplicitOverride: true,
  allowImportingTsExtensions: true,
  rewriteRelativeImportExtensions: true,
  declaration: true,
  skipLibCheck: true,
};

export default async function setup() {
  rmSync(join(tmp, "specs"), { recursive: true, force: true });
  rmSync(join(tmp, "dist"), { recursive: true, force: true });
  for (const file of readdirSync(specs)) {
    if (!file.endsWith(".yaml")) continue;
    const name = basename(file, ".yaml");
    const folder = join(tmp, "specs", name);
    mkdirSync(folder, { recursive: true });
    const { model, loaded } = await generate({
      spec: join(specs, file),
      out: join(folder, "generated"),
    });
    if (model === undefined) throw new Error(`${file}: ${JSON.stringify(loaded.diagnostics)}`);
    if (existsSync(join(specs, name))) cpSync(join(specs, name), folder, { recursive: true });
  }
  const config = join(tmp, "tsconfig.json");
  const compilerOptions = { ...strictOptions, rootDir: "specs", outDir: "dist" };
  writeFileSync(config, JSON.stringify({ compilerOptions, include: ["specs"] }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const result = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`the specs' code does not compile:\n${result.stdout}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
