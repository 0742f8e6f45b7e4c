/** The command `lint`: what it prints and how it ends. The rules are codegen/rules'. */
import { resolveSpec } from "../codegen/model/resolve.ts";
import { type FoundElsewhere, lint } from "../codegen/rules/lint.ts";
import { membersWithoutSince } from "../codegen/rules/record-notes.ts";
import { findingsOf } from "../codegen/rules/usage-rules.ts";
import type { Diagnostic } from "../codegen/spec/diagnostics.ts";
import { type LoadedSpec, loadSpecFile } from "../codegen/spec/load.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { filesOf, following } from "./followed.ts";
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
  if (invocation.flags["usage"] === true) {
    return following(invocation, async () => report(invocation, spec, await usage(invocation)));
  }
  return report(invocation, spec);
}

/** What the rules find that look at the project's code. */
async function usage(invocation: Invocation): Promise<FoundElsewhere> {
  const { findConfig } = await import("./refactor/project.ts");
  const { openSpec } = await import("./refactor/renamed-spec.ts");
  const { lintUsage } = await import("./refactor/usage-lint.ts");
  const files = filesOf(invocation, invocation.positionals[0]);
  const config = findConfig(files.spec, invocation.flags["project"] as string | undefined);
  return findingsOf(await lintUsage(await openSpec(files), config));
}

function report(invocation: Invocation, spec: string, elsewhere?: FoundElsewhere): ExitCode {
  const { loaded, findings: own } = lint(loadSpecFile(spec), elsewhere);
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
