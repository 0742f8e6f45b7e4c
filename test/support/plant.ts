/** Copies of the session's compiled code with a fault in them. A fault whose text is not in the code any more fails. */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { SessionClass } from "#simulate/play.js";

const built = new URL("../../dist/src/", import.meta.url);
const folder = new URL(`../tmp/planted-sessions-${process.pid}/`, import.meta.url);
let count = 0;

export function removePlanted(): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A session class of a copy of src/ in which every match is replaced in one file of the session; there must be one. */
export async function plant(
  file: string,
  edits: readonly (readonly [RegExp, string])[],
): Promise<SessionClass> {
  const copy = new URL(`${count++}/`, folder);
  cpSync(built, copy, {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || path.endsWith(".js"),
  });
  const session = new URL("session/", copy);
  const found = readdirSync(session, { recursive: true, encoding: "utf8" }).find(
    (path) => basename(path) === file,
  );
  if (found === undefined) throw new Error(`there is no ${file}: the fault is not planted`);
  const path = new URL(found, session);
  let text = readFileSync(path, "utf8");
  for (const [from, to] of edits) {
    if (text.search(from) < 0) throw new Error(`${file} has no ${from}: the fault is not planted`);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
  const module = (await import(new URL("session.js", session).href)) as { Session: SessionClass };
  return module.Session;
}
