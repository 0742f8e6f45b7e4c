/**
 * Replacements in a text: applied, mapped through, and shown as a unified diff. None holds a line's end, so that a line
 * stays a line; none overlaps another. Worst case: linear in the text.
 */

/** `start` to `end`, exclusive, in UTF-16 units of the text before. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** In order of place, each place once. */
export function sorted(edits: Iterable<Edit>): Edit[] {
  const all = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  return all.filter((edit, i) => i === 0 || edit.start !== all[i - 1]!.start);
}

export function applyEdits(text: string, edits: Iterable<Edit>): string {
  let result = "";
  let at = 0;
  for (const edit of sorted(edits)) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** Where a place of the text before is in the text after; it must not lie within an edit. */
export function movedBy(edits: Iterable<Edit>, offset: number): number {
  let moved = offset;
  for (const { start, end, text } of edits) {
    if (end <= offset) moved += text.length - (end - start);
  }
  return moved;
}

/** Lines around a change that a diff shows. */
const CONTEXT = 3;

/** A unified diff of one file, as `git apply` takes it; empty where nothing differs. */
export function unifiedDiff(name: string, before: string, after: string): string {
  const old = before.split("\n");
  const now = after.split("\n");
  if (old.length !== now.length) throw new Error("a rename keeps a file's lines");
  // Behind the last line's end there is no line.
  const count = old.at(-1) === "" ? old.length - 1 : old.length;
  const changed = old.flatMap((line, i) => (line === now[i] ? [] : [i]));
  const hunks: { from: number; to: number }[] = [];
  for (const line of changed) {
    const from = Math.max(0, line - CONTEXT);
    const to = Math.min(count, line + 1 + CONTEXT);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else hunks.push({ from, to });
  }
  if (hunks.length === 0) return "";
  return `--- a/${name}\n+++ b/${name}\n${hunks.map(({ from, to }) => hunk(from, to)).join("")}`;

  function hunk(from: number, to: number): string {
    const lines: string[] = [];
    for (let i = from; i < to; ) {
      if (old[i] === now[i]) {
        lines.push(marked(" ", old, i++));
        continue;
      }
      let end = i;
      while (end < to && old[end] !== now[end]) end++;
      for (let j = i; j < end; j++) lines.push(marked("-", old, j));
      for (let j = i; j < end; j++) lines.push(marked("+", now, j));
      i = end;
    }
    const range = `${from + 1},${to - from}`;
    return `@@ -${range} +${range} @@\n${lines.join("")}`;
  }

  function marked(sign: string, lines: readonly string[], i: number): string {
    const end = i === old.length - 1 ? "\n\\ No newline at end of file\n" : "\n";
    return sign + lines[i]! + end;
  }
}
