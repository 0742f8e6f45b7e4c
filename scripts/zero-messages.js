// Writes what src/zero is made of from codegen/model/zero.yaml; with `--check`, says whether it is there already. Needs the
// built generator (`npm run build:lib`), and biome for the format.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { emitOwnMessages } from "../dist/codegen/emit/own-messages.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const biome = fileURLToPath(new URL("../node_modules/@biomejs/biome/bin/biome", import.meta.url));
const file = "src/zero/own-messages.ts";

const text = execFileSync(process.execPath, [biome, "format", `--stdin-file-path=${file}`], {
  cwd: root,
  input: emitOwnMessages(),
  encoding: "utf8",
});
const there = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
if (there === text) console.log(`${file} is what zero.yaml says`);
else if (process.argv.includes("--check")) {
  console.error(`${file} is not what zero.yaml says: run npm run generate:zero`);
  process.exitCode = 1;
} else {
  writeFileSync(new URL(`../${file}`, import.meta.url), text);
  console.log(`${file} written`);
}
