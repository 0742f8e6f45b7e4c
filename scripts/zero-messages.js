// Makes own-messages.ts and own-checks.ts of src/zero from codegen/model/zero.yaml; with `--check`, only says whether
// they are up to date. Needs the built generator (`npm run build:lib`), and biome for the format.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { emitOwnFiles } from "../dist/codegen/emit/own-messages.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
const isCheck = process.argv.includes("--check");

for (const [file, input] of emitOwnFiles()) {
  const text = execFileSync(process.execPath, [biome, "format", `--stdin-file-path=${file}`], {
    cwd: root,
    input,
    encoding: "utf8",
  });
  const path = join(root, file);
  if (existsSync(path) && readFileSync(path, "utf8") === text) {
    console.log(`${file} is what zero.yaml says`);
  } else if (isCheck) {
    console.error(`${file} is not what zero.yaml says: run npm run generate:zero`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`${file} written`);
  }
}
