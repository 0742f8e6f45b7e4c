/**
 * Byte diagrams as text, in the style of the RFCs: 32 bits a row, two characters a bit. A field that varies in size, or
 * is longer than a row, has a row of its own. Worst case: linear in the fields; very many rows end with how many more.
 */
import { fenced } from "./markdown.ts";

export interface Box {
  readonly name: string;
  /** Undefined where it varies. */
  readonly bits: number | undefined;
  /** Only there under a condition. */
  readonly optional: boolean;
}

const ROW_BITS = 32;
const MAX_ROWS = 64;

const RULER = [
  " 0                   1                   2                   3",
  " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
];

/** A fenced block. */
export function byteDiagram(boxes: readonly Box[]): string {
  const rows = rowsOf(boxes);
  const shown = rows.slice(0, MAX_ROWS);
  const lines = [...RULER];
  let above = 0;
  for (const row of shown) {
    const bits = row.reduce((sum, cell) => sum + cell.bits, 0);
    lines.push(border(Math.max(above, bits)), `|${row.map(cellText).join("|")}|`);
    above = bits;
  }
  if (above > 0) lines.push(border(above));
  if (rows.length > MAX_ROWS) lines.push(`… ${rows.length - MAX_ROWS} more rows`);
  const legend = legendOf(shown);
  return `\`\`\`text\n${[...lines, ...legend].join("\n")}\n\`\`\``;
}

interface Cell {
  readonly name: string;
  readonly bits: number;
  readonly label: string;
}

function rowsOf(boxes: readonly Box[]): Cell[][] {
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let used = 0;
  const close = (): void => {
    if (row.length > 0) rows.push(row);
    row = [];
    used = 0;
  };
  for (const { name, bits, optional } of boxes) {
    const text = optional ? `[${fenced(name)}]` : fenced(name);
    if (bits === undefined) {
      close();
      rows.push([{ name: text, bits: ROW_BITS, label: `${text} ...` }]);
      continue;
    }
    for (let left = bits, part = 0; left > 0; part++) {
      const take = Math.min(left, ROW_BITS - used);
      row.push({ name: text, bits: take, label: part === 0 ? text : `${text} (on)` });
      used += take;
      left -= take;
      if (used === ROW_BITS) close();
    }
  }
  close();
  return rows;
}

function border(bits: number): string {
  return `+${"-+".repeat(bits)}`;
}

function widthOf(cell: Cell): number {
  return cell.bits * 2 - 1;
}

/** The name in the middle, or as much of it as fits. */
function cellText(cell: Cell): string {
  const width = widthOf(cell);
  const text =
    [...cell.label].length <= width ? cell.label : [...cell.label].slice(0, width).join("");
  const left = Math.floor((width - [...text].length) / 2);
  return " ".repeat(left) + text + " ".repeat(width - left - [...text].length);
}

/** Names that did not fit, in their order. */
function legendOf(rows: readonly (readonly Cell[])[]): string[] {
  const cut = rows.flat().filter((cell) => [...cell.label].length > widthOf(cell));
  const names = [...new Set(cut.map((cell) => cell.name))];
  return names.length === 0 ? [] : ["", `cut short, in order: ${names.join(", ")}`];
}
