/**
 * From the bytes of a spec to its SpecAst, with everything that is wrong about it. Never throws, whatever the bytes;
 * what it costs is bounded by yaml.ts.
 */
import { readFileSync, statSync } from "node:fs";
import type { SpecAst } from "./ast.ts";
import { Diagnostics } from "./diagnostics.ts";
import { parseSpec } from "./parse.ts";
import { Source } from "./source.ts";
import { MAX_SPEC_BYTES, parseYaml } from "./yaml.ts";

export interface LoadedSpec {
  readonly source: Source;
  readonly diagnostics: Diagnostics;
  /** Missing only where there is nothing to go on with; it may be there and wrong. */
  readonly spec: SpecAst | undefined;
}

/** `name` is what diagnostics call the file. */
export function loadSpec(bytes: Uint8Array | string, name: string): LoadedSpec {
  const raw = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const { source, diagnostics, root } = parseYaml(raw, name);
  if (root === undefined) return { source, diagnostics, spec: undefined };
  return { source, diagnostics, spec: parseSpec(root, diagnostics) };
}

export function loadSpecFile(path: string, name: string = path): LoadedSpec {
  const start = { start: 0, end: 0 };
  try {
    const { size } = statSync(path);
    if (size <= MAX_SPEC_BYTES) return loadSpec(readFileSync(path), name);
    const source = new Source(name, "");
    const diagnostics = new Diagnostics(source);
    diagnostics.report("SD1002", start, { bytes: size, limit: MAX_SPEC_BYTES });
    return { source, diagnostics, spec: undefined };
  } catch (error) {
    const source = new Source(name, "");
    const diagnostics = new Diagnostics(source);
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === "ENOENT" ? "there is no such file" : (code ?? String(error));
    diagnostics.report("SD1001", start, { reason });
    return { source, diagnostics, spec: undefined };
  }
}
