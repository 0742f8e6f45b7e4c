/** The command `format`: writes the spec in canonical form, or says that it is not. The work is codegen/rules/formatter.ts's. */
import { randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { formatSpec } from "../codegen/rules/formatter.ts";
import { githubAnnotation } from "../codegen/spec/format.ts";
import { loadSpecFile } from "../codegen/spec/load.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { DEFAULT_SPEC, errorFormatOf, printLoaded } from "./report.ts";

export async function runFormat(invocation: Invocation): Promise<ExitCode> {
  const spec = invocation.positionals[0] ?? DEFAULT_SPEC;
  const loaded = loadSpecFile(spec);
  const canonical = formatSpec(loaded);
  if (canonical === undefined) {
    printLoaded(loaded, invocation);
    return 1;
  }
  // Line ends are the checkout's: a file that has CRLF throughout keeps them.
  const { text } = loaded.source;
  const crlf = text.includes("\r\n") && !/(^|[^\r])\n/.test(text);
  const formatted = crlf ? canonical.replaceAll("\n", "\r\n") : canonical;
  const format = errorFormatOf(invocation);
  if (formatted === text) {
    if (format === "text") invocation.out(`${spec}: in canonical form\n`);
    return 0;
  }
  if (invocation.flags["check"] === true) {
    const line = firstDifference(formatted, text);
    const message = "not in canonical form; run `stardust format`";
    if (format === "json") {
      invocation.err(`${JSON.stringify({ file: spec, line, message })}\n`);
    } else if (format === "github-actions") {
      invocation.err(githubAnnotation("error", { file: spec, line }, message));
    } else invocation.err(`${spec}:${line}: ${message}\n`);
    return 1;
  }
  const temporary = `${spec}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    writeFileSync(temporary, formatted);
    renameSync(temporary, spec);
  } finally {
    rmSync(temporary, { force: true });
  }
  if (format === "text") invocation.out(`${spec}: formatted\n`);
  return 0;
}

/** 1-based. */
function firstDifference(a: string, b: string): number {
  const one = a.split("\n");
  const two = b.split("\n");
  const index = two.findIndex((line, i) => line !== one[i]);
  return (index < 0 ? two.length : index) + 1;
}
