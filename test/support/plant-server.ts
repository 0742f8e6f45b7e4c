/**
 * Servers with faults in them: a copy of the compiled package with a spec's generated code beside it, edited, and imported from
 * there, its workers too. A fault whose text is not in the code any more fails.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { specUrl } from "./specs.ts";

const root = new URL("../../", import.meta.url);
const folder = new URL(`../tmp/planted-servers-${process.pid}/`, import.meta.url);
let count = 0;

/** Of a file below `dist/src`, or below the spec's `generated` where it begins so. */
export type Edit = readonly [file: string, from: RegExp, to: string];

export function removePlantedServers(): void {
  rmSync(folder, { recursive: true, force: true });
}

/** The module `generated/server.js` of a spec that stands on a faulty copy of the runtime. */
export async function plantServer(spec: string, edits: readonly Edit[]): Promise<unknown> {
  const copy = new URL(`${count++}/`, folder);
  const isCode = (path: string): boolean => statSync(path).isDirectory() || path.endsWith(".js");
  mkdirSync(copy, { recursive: true });
  // Inside of it, the package's own name means the copy.
  cpSync(new URL("package.json", root), new URL("package.json", copy));
  cpSync(new URL("dist/src/", root), new URL("dist/src/", copy), {
    recursive: true,
    filter: isCode,
  });
  const generated = fileURLToPath(new URL("generated/", copy));
  cpSync(specUrl(spec, "generated/"), generated, { recursive: true, filter: isCode });
  for (const [file, from, to] of edits) {
    const at = file.startsWith("generated/") ? copy : new URL("dist/src/", copy);
    const path = new URL(file, at);
    const text = readFileSync(path, "utf8");
    if (text.search(from) < 0) throw new Error(`${file} has no ${from}: the fault is not planted`);
    writeFileSync(path, text.replace(from, to));
  }
  return import(new URL("generated/server.js", copy).href);
}
