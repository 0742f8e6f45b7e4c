// What tsc does not do: puts the YAML, JSON and Lua that codegen/ reads at run time beside its compiled code, parses its
// own YAML with what was just compiled, and makes the command executable.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const folder of ["spec", "model", "emit/dissector"]) {
  mkdirSync(join(root, "dist", "codegen", folder), { recursive: true });
  for (const file of readdirSync(join(root, "codegen", folder))) {
    if (!/\.(yaml|json|lua)$/.test(file)) continue;
    cpSync(join(root, "codegen", folder, file), join(root, "dist", "codegen", folder, file));
  }
}

const { parseYaml } = await import("../dist/codegen/spec/yaml.js");
for (const file of ["header.yaml", "zero.yaml"]) {
  const path = join(root, "dist", "codegen", "model", file);
  const { root: tree, diagnostics } = parseYaml(readFileSync(path), file);
  if (tree?.kind !== "map" || diagnostics.list.length > 0)
    throw new Error(`${file} is not good YAML`);
  writeFileSync(`${path}.json`, JSON.stringify(tree));
}

// tsc keeps no file mode: the command is run through a link to this file.
chmodSync(join(root, "dist", "cli", "main.js"), 0o755);
