/** The command `lint`: what it prints and how it ends. The rules are codegen/rules'. */
import { lint } from "../codegen/rules/lint.ts";
import { loadSpecFile } from "../codegen/spec/load.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { DEFAULT_SPEC, errorFormatOf, printFindings, printLoaded } from "./report.ts";

export async function runLint(invocation: Invocation): Promise<ExitCode> {
  const spec = invocation.positionals[0] ?? DEFAULT_SPEC;
  const { loaded, findings } = lint(loadSpecFile(spec));
  if (findings === undefined) {
    printLoaded(loaded, invocation);
    return 1;
  }
  printFindings(findings, loaded.source, invocation);
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
