/**
 * Imports a module of the user's into the thread of a port by URL. Worker threads do not inherit loaders: on a Node that cannot
 * strip types, a `.ts` module needs the user's own tsx, registered before the first import (a retry does not help).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { StardustError } from "../errors.ts";

let registered = false;

/** `ownThread`: it is the application's, whose loaders are the user's own affair. */
export async function importModule(
  url: string,
  ownThread = false,
): Promise<Record<string, unknown>> {
  try {
    if (!ownThread && /\.[mc]?ts$/.test(new URL(url).pathname) && !stripsTypes()) {
      await registerTsx(url);
    }
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof StardustError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    throw new StardustError(
      "STARDUST_WORKER_IMPORT",
      `${ownThread ? "this" : "a worker"} thread cannot import ${url}: ${message}${wayOut(code)}`,
      { cause: error },
    );
  }
}

/** What to do about it. An error of the module's own has no code of Node's, and speaks for itself. */
function wayOut(code: string | undefined): string {
  switch (code) {
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return (
        ". Compile it with tsc and run the JavaScript, use Node 22.18 or later (which strips types), or install tsx " +
        "beside it."
      );
    case "ERR_MODULE_NOT_FOUND":
      return (
        ". Relative imports of a .ts module must end in .ts where Node strips types; a bundler must leave generated " +
        "modules unbundled."
      );
    case "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING":
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
    case "ERR_INVALID_TYPESCRIPT_SYNTAX":
      return ". Compile it with tsc and run the JavaScript.";
    default:
      return "";
  }
}

function stripsTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Registers the tsx that the module's own project has. Without one the import itself says what is wrong. */
async function registerTsx(url: string): Promise<void> {
  if (registered) return;
  let entry: string;
  try {
    const manifestPath = createRequire(url).resolve("tsx/package.json");
    const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as {
      exports: { "./esm/api": { import: { default: string } } };
    };
    entry = join(dirname(manifestPath), manifest.exports["./esm/api"].import.default);
  } catch {
    return;
  }
  const api = (await import(pathToFileURL(entry).href)) as { register: () => unknown };
  api.register();
  registered = true;
}
