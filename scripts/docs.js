// Makes what the repository says twice for its readers from the tables that the code uses: with `--check` it only
// compares, names the files that are out of date and ends with 1. Needs what `npm run build:lib` makes.
import { readFileSync, writeFileSync } from "node:fs";
import { counterFamilies } from "../dist/cli/counters.js";

const root = new URL("../", import.meta.url);
const check = process.argv.includes("--check");

/** By path from the root: what the file has to be, given what it is. */
const files = {
  "docs/counters.md": (text) => withTables(text),
};

/** Puts the rows of a family of counters behind each `<!-- counters: family -->`, under the heads that stand there. */
function withTables(text) {
  const seen = new Set();
  const made = text.replace(
    /^(<!-- counters: (\S+) -->\n)\n\|([^|\n]+)\|([^|\n]+)\|\n(?:\|.*\n)*/gm,
    (_, mark, id, left, right) => {
      seen.add(id);
      const { prefix, table: counters } = counterFamilies.find((family) => family.id === id);
      const rows = Object.entries(counters).map(([name, doc]) => [`\`${prefix}${name}\``, doc]);
      return `${mark}\n${table([left.trim(), right.trim()], rows)}`;
    },
  );
  const lacking = counterFamilies.filter(({ id }) => !seen.has(id)).map(({ id }) => id);
  if (lacking.length > 0) throw new Error(`docs/counters.md has no table for ${lacking}`);
  return made;
}

function table(heads, rows) {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |\n`;
  return [heads, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("");
}

const old = Object.entries(files).filter(([path, make]) => {
  const text = readFileSync(new URL(path, root), "utf8");
  const wanted = make(text);
  if (!check && wanted !== text) writeFileSync(new URL(path, root), wanted);
  return wanted !== text;
});
for (const [path] of old)
  console.log(`${path} ${check ? "is out of date: npm run docs" : "written"}`);
if (check && old.length > 0) process.exitCode = 1;
