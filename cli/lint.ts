/** The command `lint`: what it prints and how it ends. The rules are codegen/rules'. */
import { resolveSpec } from "../codegen/model/resolve.ts";
import { lint } from "../codegen/rules/lint.ts";
import { membersWithoutSince } from "../codegen/rules/record-notes.ts";
import type { Diagnostic } from "../codegen/spec/diagnostics.ts";
import { type LoadedSpec, loadSpecFile } from "../codegen/spec/load.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { DEFAULT_SPEC, errorFormatOf, printFindings, printLoaded, recordOf } from "./report.ts";

const MAX_SHOWN = 50;

/** What the spec alone does not show. */
function againstRecord(spec: string, loaded: LoadedSpec): Diagnostic[] {
  const model = resolveSpec(loaded);
  const record = model === undefined ? undefined : recordOf(spec, model.name);
  if (model === undefined || record === undefined) return [];
  return membersWithoutSince(record, model, loaded.source);
}

export async function runLint(invocation: Invocation): Promise<ExitCode> {
  const spec = invocation.positionals[0] ?? DEFAULT_SPEC;
  const { loaded, findings: own } = lint(loadSpecFile(spec));
  if (own === undefined) {
    printLoaded(loaded, invocation);
    return 1;
  }
  const findings = [...own, ...againstRecord(spec, loaded)];
  // A program gets all of them; people would see only the last screens of more.
  const shown = errorFormatOf(invocation) === "text" ? findings.slice(0, MAX_SHOWN) : findings;
  printFindings(shown, loaded.source, invocation, findings.length - shown.length);
  if (errorFormatOf(invocation) === "text") {
    invocation.out(
      findings.length === 0
        ? `${spec}: nothing to complain about\n`
        : "`stardust explain <rule>` says more; `# stardust-allow: <rule>` on a line allows one there\n",
    );
  }
  const failing = invocation.flags["strict"] === true ? ["error", "warning"] : ["error"];
  return findings.some(({ severity }) => failing.includes(severity)) ? 1 : 0;
}
