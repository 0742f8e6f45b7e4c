/** How every command prints what it has found about a spec: as text, JSON or GitHub's annotations. */
import { RecordError, readRecord, type VersionRecord } from "../codegen/rules/record.ts";
import type { Diagnostic } from "../codegen/spec/diagnostics.ts";
import { type ErrorFormat, formatDiagnostics } from "../codegen/spec/format.ts";
import type { LoadedSpec } from "../codegen/spec/load.ts";
import type { Source } from "../codegen/spec/source.ts";
import type { Invocation } from "./command.ts";
import { UsageError } from "./usage.ts";

/** The record beside the spec of `protocol`, if there is one. */
export function recordOf(spec: string, protocol: string): VersionRecord | undefined {
  try {
    return readRecord(spec, protocol);
  } catch (error) {
    throw error instanceof RecordError ? new UsageError(error.message) : error;
  }
}

/** The spec that a command is about where none is named. */
export const DEFAULT_SPEC = "protocol.yaml";

export function errorFormatOf({ flags }: Invocation): ErrorFormat {
  return (flags["error-format"] as ErrorFormat | undefined) ?? "text";
}

/** What is wrong with a spec. */
export function printLoaded({ diagnostics, source }: LoadedSpec, to: Invocation): void {
  printFindings(diagnostics.sorted(), source, to, diagnostics.dropped);
}

/** As JSON there is always a document, so that a program need not look at the exit code first. */
export function printFindings(
  list: readonly Diagnostic[],
  source: Source,
  to: Invocation,
  dropped = 0,
): void {
  const format = errorFormatOf(to);
  if (list.length === 0 && format !== "json") return;
  const text = formatDiagnostics(list, source, { format, colour: to.colour }, dropped);
  (list.length === 0 ? to.out : to.err)(text);
}
