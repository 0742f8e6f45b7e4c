/**
 * Diagnostics as text for people, JSON for programs, or commands for GitHub Actions. Spec text may hold anything:
 * control characters never reach the terminal. Worst case: an excerpt shows MAX_WIDTH units of its line.
 */
import type { Diagnostic, Severity } from "./diagnostics.ts";
import type { Source } from "./source.ts";

export type ErrorFormat = "text" | "json" | "github-actions";
export const errorFormats: readonly ErrorFormat[] = ["text", "json", "github-actions"];

const MAX_WIDTH = 110;

export interface FormatOptions {
  readonly format: ErrorFormat;
  readonly colour: boolean;
}

/** Everything to print for the problems of one file, with a newline at the end. */
export function formatDiagnostics(
  list: readonly Diagnostic[],
  source: Source,
  options: FormatOptions,
  dropped = 0,
): string {
  if (options.format === "json") {
    return `${JSON.stringify({ diagnostics: list, dropped })}\n`;
  }
  if (list.length === 0) return "";
  if (options.format === "github-actions") return list.map(githubCommand).join("");
  const text = list.map((d) => textOf(d, source, options.colour)).join("\n");
  const errors = list.length + dropped;
  const more = dropped > 0 ? ` (${dropped} not shown)` : "";
  return `${text}\n${errors} ${errors === 1 ? "problem" : "problems"}${more}\n`;
}

/** Makes text printable: no control characters (C0, C1, bidirectional overrides), tabs as they are. */
export function printable(text: string): string {
  return text.replace(/(?!\t)[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");
}

function textOf(d: Diagnostic, source: Source, colour: boolean): string {
  const paint = (code: string, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const severity = paint(d.severity === "error" ? "31" : "33", d.severity);
  const place = `${d.file}:${d.line}:${d.column}`;
  const lines = [
    `${paint("1", printable(place))} ${severity} ${d.code}: ${printable(d.message)}`,
    ...excerpt(d, source, paint),
  ];
  if (d.help !== undefined) lines.push(`  help: ${printable(d.help)}`);
  return `${lines.join("\n")}\n`;
}

function excerpt(
  d: Diagnostic,
  source: Source,
  paint: (code: string, text: string) => string,
): string[] {
  const line = source.line(d.line);
  if (source.text === "") return [];
  const from = d.column > MAX_WIDTH ? d.column - 1 - MAX_WIDTH / 2 : 0;
  const shown = printable(line.slice(from, from + MAX_WIDTH));
  const before = line.slice(from, d.column - 1).replace(/[^\t]/g, " ");
  const width = Math.max(1, Math.min(d.endColumn, from + MAX_WIDTH + 1) - d.column);
  const number = String(d.line);
  const margin = " ".repeat(number.length);
  const hint = d.suggestion === undefined ? "" : ` did you mean ${JSON.stringify(d.suggestion)}?`;
  return [
    `  ${number} | ${shown}`,
    `  ${margin} | ${before}${paint("31", "^".repeat(width))}${printable(hint)}`,
  ];
}

function githubCommand(d: Diagnostic): string {
  const message =
    d.message +
    (d.suggestion === undefined ? "" : ` (did you mean "${d.suggestion}"?)`) +
    (d.help === undefined ? "" : ` (${d.help})`);
  const where = { file: d.file, line: d.line, col: d.column, endColumn: d.endColumn };
  return githubAnnotation(d.severity, { ...where, title: d.code }, message);
}

/** One workflow command, escaped as GitHub asks. */
export function githubAnnotation(
  severity: Severity,
  properties: Readonly<Record<string, string | number>>,
  message: string,
): string {
  const data = (text: string) =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const list = Object.entries(properties).map(([k, v]) => `${k}=${property(String(v))}`);
  return `::${severity} ${list.join(",")}::${data(message)}\n`;
}
