/** The command `explain`: what a code means, from the tables of diagnostics, rules, the runtime's errors and counters. */
import { breakingRules } from "../codegen/rules/breaking-table.ts";
import type { Explanation } from "../codegen/rules/explanation.ts";
import { explanations } from "../codegen/rules/explanations.ts";
import { lintRules } from "../codegen/rules/lint-table.ts";
import { recordRules } from "../codegen/rules/record.ts";
import { noteRules } from "../codegen/rules/record-notes.ts";
import { usageRules } from "../codegen/rules/usage-rules.ts";
import { allDiagnostics } from "../codegen/spec/diagnostics.ts";
import { suggest } from "../codegen/spec/distance.ts";
import { type ErrorCode, errorCodes } from "../src/errors.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { counterFamilies } from "./counters.ts";
import { runtimeExplanations, runtimeWarnings } from "./runtime-errors.ts";
import { UsageError } from "./usage.ts";

/** One code, whatever table it comes from. */
export interface Entry {
  readonly code: string;
  /** `error`, `warning`, `breaking change`, `compatible change`, `refused record`, `record warning`, `run time`, `run-time warning` or `counter …`. */
  readonly kind: string;
  readonly title: string;
  /** Paragraphs and lists, as in Markdown. */
  readonly means: string;
  /** Empty where there is nothing to do. */
  readonly fix: string;
  /** What the examples are written in. */
  readonly language: "yaml" | "ts" | "sh";
  /** Examples with their headings. */
  readonly examples: readonly (readonly [heading: string, text: string])[];
}

export async function runExplain(invocation: Invocation): Promise<ExitCode> {
  const [asked] = invocation.positionals;
  const json = invocation.flags["json"] === true;
  const all = entries();
  if (asked === undefined) {
    invocation.out(json ? `${JSON.stringify([...all.values()])}\n` : list(all));
    return 0;
  }
  const entry = all.get(asked) ?? all.get(asked.toUpperCase()) ?? all.get(asked.toLowerCase());
  if (entry === undefined) {
    const near = suggest(asked, all.keys()) ?? suggest(asked.toUpperCase(), all.keys());
    const hint = near === undefined ? "" : `, did you mean ${JSON.stringify(near)}?`;
    throw new UsageError(
      `there is no code ${JSON.stringify(asked.slice(0, 80))}${hint} (\`stardust explain\` lists all)`,
    );
  }
  invocation.out(json ? `${JSON.stringify(entry)}\n` : page(entry));
  return 0;
}

/** Every code there is, in the order of the tables. */
export function entries(): Map<string, Entry> {
  const all = new Map<string, Entry>();
  const add = (entry: Omit<Entry, "language">, language: Entry["language"] = "yaml") =>
    all.set(entry.code, { ...entry, language });
  for (const [code, { title, severity, message }] of allDiagnostics()) {
    const said: Explanation = explanations[code] ?? { means: message, fix: "see the message" };
    const inside = said.shows === "header lines" ? ", in the lists of `header`" : "";
    const shown = examples([
      [`Wrong${inside}`, said.bad],
      [`Right${inside}`, said.good],
    ]);
    const { means, fix } = said;
    const language = said.shows === "command" ? "sh" : "yaml";
    add({ code, kind: severity, title, means, fix, examples: shown }, language);
  }
  for (const [code, { severity, title, why, fix, bad, good }] of Object.entries(lintRules)) {
    const shown = examples([
      ["Found", bad],
      ["Better", good],
    ]);
    add({ code, kind: `lint ${severity}`, title, means: why, fix, examples: shown });
  }
  for (const [code, { severity, title, why, fix }] of Object.entries(usageRules)) {
    add({ code, kind: `lint ${severity}`, title, means: why, fix, examples: [] });
  }
  for (const [code, rule] of Object.entries(breakingRules)) {
    const { kind, title, why, fix, before, after, instead } = rule;
    const shown = examples([
      // What no rule knows cannot be shown.
      ["Before", before === after ? undefined : before],
      [kind === "breaking" ? "After, breaking" : "After", before === after ? undefined : after],
      ["After, without a break", instead],
    ]);
    add({ code, kind: `${kind} change`, title, means: why, fix, examples: shown });
  }
  for (const [code, { title, why, fix, before, after, instead }] of Object.entries(recordRules)) {
    const shown = examples([
      ["Published", before],
      ["Refused", after],
      ["Recorded", instead],
    ]);
    add({ code, kind: "refused record", title, means: why, fix, examples: shown });
  }
  for (const [code, { title, why, fix }] of Object.entries(noteRules)) {
    add({ code, kind: "record warning", title, means: why, fix, examples: [] });
  }
  for (const [code, title] of Object.entries(errorCodes)) {
    const { means, fix, bad, good, shows } = runtimeExplanations[code as ErrorCode];
    const shown = examples([
      ["Leads to it", bad],
      ["Does not", good],
    ]);
    const language = shows === "command" ? "sh" : "ts";
    add({ code, kind: "run time", title, means, fix, examples: shown }, language);
  }
  for (const [code, { title, means, fix }] of Object.entries(runtimeWarnings)) {
    add({ code, kind: "run-time warning", title, means, fix, examples: [] });
  }
  for (const { kind, prefix, table } of counterFamilies) {
    for (const [name, doc] of Object.entries(table)) {
      // A port and a client have counters of one name.
      const code = prefix + name;
      const ofPort = all.get(code);
      const title = ofPort === undefined ? doc : `${ofPort.title}; of a client: ${doc}`;
      add({ code, kind: ofPort?.kind ?? kind, title, means: title, fix: "", examples: [] });
    }
  }
  return all;
}

function examples(rows: [heading: string, text: string | undefined][]): [string, string][] {
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

function list(all: ReadonlyMap<string, Entry>): string {
  const width = Math.max(...[...all.keys()].map((code) => code.length));
  const rows: string[] = [];
  let last = "";
  for (const { code, kind, title } of all.values()) {
    const group = kind.split(" ")[0]!;
    if (group !== last) rows.push(`${rows.length === 0 ? "" : "\n"}${headings[group] ?? group}`);
    last = group;
    rows.push(`  ${code.padEnd(width)}  ${title}`);
  }
  return `${rows.join("\n")}\n`;
}

const headings: Readonly<Record<string, string>> = {
  error: "Problems of a spec",
  lint: "Lint rules (stardust lint)",
  breaking: "Changes that break peers (stardust breaking)",
  compatible: "Changes that do not",
  refused: "What the record of versions refuses (stardust breaking --record)",
  record: "What generate warns about in the record of versions",
  run: "Errors at run time",
  "run-time": "Warnings at run time",
  counter: "Counters of stats()",
};

function page({ code, kind, title, means, fix, examples: shown }: Entry): string {
  const parts = [`${code} (${kind}): ${title}`];
  if (means !== title) parts.push(wrap(means));
  for (const [heading, text] of shown) {
    parts.push(`${heading}:\n\n${text.trimEnd().replace(/^(?=.)/gm, "    ")}`);
  }
  if (fix !== "") parts.push(wrap(`What to do: ${fix}.`));
  return `${parts.join("\n\n")}\n`;
}

/** Columns of the text that is printed. */
const WIDTH = 100;

/** A word that would begin a list, a heading or a quotation in Markdown stays behind the one before it. */
const opensBlock = /^([-+*>|]|#+|\d+[.)])$/;

/** Breaks each line that is too long; the text's own breaks stay. */
export function wrap(text: string, width: number = WIDTH): string {
  const lines: string[] = [];
  for (const whole of text.split("\n")) {
    const [first, ...words] = whole.split(" ");
    lines.push(first!);
    for (const word of words) {
      const line = lines.at(-1)!;
      const fits = line.length + word.length + 1 <= width;
      if (fits || opensBlock.test(word)) lines[lines.length - 1] = `${line} ${word}`;
      else lines.push(whole.startsWith("- ") ? `  ${word}` : word);
    }
  }
  return lines.join("\n");
}
