/** The command `generate`: its defaults and what it prints. The work is codegen/generate.ts's. */
import { dirname, join } from "node:path";
import { type FileChange, generate } from "../codegen/generate.ts";
import { RecordError, recordPath } from "../codegen/rules/record.ts";
import { type ErrorFormat, githubAnnotation } from "../codegen/spec/format.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { DEFAULT_SPEC, errorFormatOf, printFindings } from "./report.ts";
import { UsageError } from "./usage.ts";

export async function runGenerate(invocation: Invocation): Promise<ExitCode> {
  const { flags } = invocation;
  const spec = invocation.positionals[0] ?? DEFAULT_SPEC;
  if (flags["watch"] !== true) return generateOnce(spec, invocation);
  if (flags["check"] === true)
    throw new UsageError("--watch writes and --check does not: take one");
  const { watchFiles } = await import("./watch.ts");
  const text = errorFormatOf(invocation) === "text";
  if (text) invocation.out(`${spec}: watching, Ctrl-C ends it\n`);
  await watchFiles([spec, recordPath(spec)], async () => {
    const code = await generateOnce(spec, invocation);
    if (code !== 0 && text)
      invocation.err("the last good output stays; waiting for the next save\n");
  });
  return 0;
}

async function generateOnce(spec: string, invocation: Invocation): Promise<ExitCode> {
  const { flags } = invocation;
  const out = (flags["out"] as string | undefined) ?? join(dirname(spec), "generated");
  const check = flags["check"] === true;
  const format = errorFormatOf(invocation);
  const target = flags["target"] === "js" ? "js" : "ts";
  const result = await generate({ spec, out, check, target }).catch((error: unknown) => {
    if (!(error instanceof RecordError)) throw error;
    if (flags["watch"] !== true) throw new UsageError(error.message);
    // One save must not end the watch.
    return error;
  });
  if (result instanceof RecordError) {
    invocation.err(`${result.message}\n`);
    return 1;
  }
  const { diagnostics, source } = result.loaded;
  printFindings(
    [...diagnostics.sorted(), ...result.notes],
    source,
    invocation,
    diagnostics.dropped,
  );
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
