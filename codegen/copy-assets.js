// What tsc does not do: puts the YAML, JSON and Lua that codegen/ reads at run time beside its compiled code, and makes the
// command executable.
import { chmodSync, cpSync, mkdirSync, readdirSync } from "node:fs";
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

// tsc keeps no file mode: the command is run through a link to this file.
chmodSync(join(root, "dist", "cli", "main.js"), 0o755);
