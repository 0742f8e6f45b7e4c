/** The command `generate`: its defaults and what it prints. The work is codegen/generate.ts's. */
import { dirname, join } from "node:path";
import { type FileChange, type GenerateResult, generate } from "../codegen/generate.ts";
import { type ErrorFormat, formatDiagnostics, githubAnnotation } from "../codegen/spec/format.ts";
import type { ExitCode, Invocation } from "./commands.ts";

export async function runGenerate(invocation: Invocation): Promise<ExitCode> {
  const { flags } = invocation;
  const spec = invocation.positionals[0] ?? "protocol.yaml";
  const out = (flags["out"] as string | undefined) ?? join(dirname(spec), "generated");
  const check = flags["check"] === true;
  const format = (flags["error-format"] as ErrorFormat | undefined) ?? "text";
  const result = await generate({ spec, out, check });
  printDiagnostics(result, format, invocation);
  if (result.model === undefined) return 1;
  if (check) return printCheck(result.changes, out, format, invocation);
  const written = result.changes.filter((c) => c.change !== "left over").length;
  const removed = result.changes.length - written;
  if (format === "text") {
    const gone = removed > 0 ? `, ${removed} removed` : "";
    invocation.out(`${out}: ${written} of ${result.files} files written${gone}\n`);
  }
  return 0;
}

function printDiagnostics(result: GenerateResult, format: ErrorFormat, to: Invocation): void {
  const { diagnostics, source } = result.loaded;
  const list = diagnostics.sorted();
  // As JSON there is always a document, so that a program need not look at the exit code first.
  if (list.length === 0 && format !== "json") return;
  const options = { format, colour: to.colour };
  const text = formatDiagnostics(list, source, options, diagnostics.dropped);
  (format === "json" && list.length === 0 ? to.out : to.err)(text);
}

const said: Readonly<Record<FileChange["change"], string>> = {
  missing: "missing",
  stale: "is not what the spec generates (the spec or the file was edited)",
  "left over": "left over: the spec no longer generates it",
};

function printCheck(
  changes: readonly FileChange[],
  out: string,
  format: ErrorFormat,
  to: Invocation,
): ExitCode {
  for (const { file, change } of changes) {
    const path = join(out, file);
    if (format === "text") to.err(`${path}: ${said[change]}\n`);
    else if (format === "github-actions")
      to.err(githubAnnotation("error", { file: path }, said[change]));
  }
  if (format === "json" && changes.length > 0) to.err(`${JSON.stringify({ out, changes })}\n`);
  if (changes.length === 0) {
    if (format === "text") to.out(`${out}: up to date\n`);
    return 0;
  }
  if (format === "text") to.err("run `stardust generate` to bring them up to date\n");
  return 1;
}
