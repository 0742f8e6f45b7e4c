// tsc copies nothing but code of its own: puts the files that codegen/ reads at run time beside its compiled code.
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const folder of ["spec", "model", "emit"]) {
  for (const file of readdirSync(join(root, "codegen", folder))) {
    if (!/\.(yaml|json|lua)$/.test(file)) continue;
    cpSync(join(root, "codegen", folder, file), join(root, "dist", "codegen", folder, file));
  }
}
