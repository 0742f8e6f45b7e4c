/** Puts what was measured into docs/performance.md, between the marks that carry its name. */
import { readFileSync, writeFileSync } from "node:fs";

const DOCUMENT = new URL("../docs/performance.md", import.meta.url);

/** Throws where the document has no place for `name`. */
export function writeMeasured(name, text) {
  const document = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [`<!-- measured: ${name} -->`, "<!-- /measured -->"];
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`docs/performance.md has no place for ${name}`);
  const head = document.slice(0, from + begin.length);
  writeFileSync(DOCUMENT, `${head}\n\n${text.trim()}\n\n${document.slice(to)}`);
}
