/**
 * `stardust lint` without the command line: a spec that is right, held against the rules of lint-table.ts. A comment
 * `# stardust-allow: rule, rule` allows rules on its own line, or, where it stands alone, on the line below. Worst case:
 * each rule walks the spec once or twice.
 */
import { resolveSpec } from "../model/resolve.ts";
import type { Diagnostic } from "../spec/diagnostics.ts";
import { suggest } from "../spec/distance.ts";
import { type LoadedSpec, loadSpec } from "../spec/load.ts";
import type { Source } from "../spec/source.ts";
import { parseYaml } from "../spec/yaml.ts";
import type { Finding, LintContext, LintRule } from "./lint-rule.ts";
import { lintRules } from "./lint-table.ts";
import { placeOf } from "./place.ts";
import { usageRules } from "./usage-rules.ts";

export interface LintResult {
  readonly loaded: LoadedSpec;
  /** Missing where the spec has errors; then nothing was linted. */
  readonly findings?: readonly Diagnostic[];
}

/** Findings of rules that look at more than the spec, by rule; a rule that was not run is absent. */
export type FoundElsewhere = Readonly<Record<string, readonly Finding[]>>;

/** Everything the rules find, in the order of the file. */
export function lint(loaded: LoadedSpec, elsewhere: FoundElsewhere = {}): LintResult {
  const model = resolveSpec(loaded);
  const { source, spec } = loaded;
  if (model === undefined || spec === undefined) return { loaded };
  const { root } = parseYaml(new TextEncoder().encode(source.text), source.name);
  if (root?.kind !== "map") return { loaded };
  const context: LintContext = { model, spec, root, source };
  const allowed = new Allowances(source);
  const findings: Diagnostic[] = [];
  const take = (id: string, rule: Row, found: Iterable<Finding>): void => {
    for (const finding of found) {
      if (finding.line < 1 || allowed.takes(finding.line, id)) continue;
      findings.push(diagnostic(id, rule, finding, source));
    }
  };
  for (const [id, rule] of Object.entries(lintRules)) take(id, rule, rule.check(context));
  for (const [id, found] of Object.entries(elsewhere)) take(id, usageRules[id]!, found);
  findings.push(...allowed.problems(elsewhere));
  findings.sort((a, b) => a.line - b.line || a.column - b.column);
  return { loaded, findings };
}

/** `lint` over a text; `name` is what findings call it. */
export function lintText(text: string, name: string): LintResult {
  return lint(loadSpec(text, name));
}

type Row = Pick<LintRule, "severity" | "fix">;

function diagnostic(code: string, { severity, fix }: Row, at: Finding, source: Source): Diagnostic {
  const help = at.help ?? fix;
  return { code, severity, message: at.message, ...placeOf(source, at.line, at.word), help };
}

const WITHOUT_EFFECT = "allow-without-effect";
const comment = /(?:^|\s)#\s*stardust-allow:\s*([^#]*)/;

/** The comments that allow something, and which of them were needed. */
class Allowances {
  readonly #source: Source;
  /** By line and rule: where it was written. */
  readonly #rows = new Map<string, { line: number; rule: string; used: boolean }>();

  constructor(source: Source) {
    this.#source = source;
    const count = source.text.split("\n").length;
    for (let line = 1; line <= count; line++) {
      const found = comment.exec(source.line(line));
      if (found === null) continue;
      // What comes behind ` -- ` is the reason, for people.
      const rules = found[1]!.split(" -- ")[0]!.split(/[\s,]+/);
      for (const rule of rules.filter((r) => r !== "")) {
        this.#rows.set(`${this.#target(line)} ${rule}`, { line, rule, used: false });
      }
    }
  }

  takes(line: number, rule: string): boolean {
    const row = this.#rows.get(`${line} ${rule}`);
    if (row !== undefined) row.used = true;
    return row !== undefined;
  }

  /** Comments that name no rule, or that nothing needs any more. */
  problems(elsewhere: FoundElsewhere): Diagnostic[] {
    const problems: Diagnostic[] = [];
    for (const { line, rule, used } of this.#rows.values()) {
      const usage = Object.hasOwn(usageRules, rule);
      const known = usage || Object.hasOwn(lintRules, rule);
      if (known && (used || (usage && !Object.hasOwn(elsewhere, rule)))) continue;
      const message = known
        ? `nothing on that line needs \`stardust-allow: ${rule}\``
        : `${JSON.stringify(rule)} is not a lint rule`;
      const rules = [...Object.keys(lintRules), ...Object.keys(usageRules)];
      const near = known ? undefined : suggest(rule, rules);
      const finding = { line, word: rule, message };
      problems.push({
        ...diagnostic(WITHOUT_EFFECT, lintRules[WITHOUT_EFFECT]!, finding, this.#source),
        ...(near === undefined ? {} : { suggestion: near }),
      });
    }
    return problems;
  }

  /** A comment with a line to itself is about the first line below that is no comment. */
  #target(line: number): number {
    if (!/^\s*#/.test(this.#source.line(line))) return line;
    let target = line + 1;
    while (/^\s*#/.test(this.#source.line(target))) target++;
    return target;
  }
}
