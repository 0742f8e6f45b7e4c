/**
 * Text of the spec in a page of Markdown: nothing of it may become a heading, a link, HTML, or the end of a table's cell.
 * Every character that means something to Markdown or HTML is written as a character reference, which all renderers
 * take; letters, digits and ordinary punctuation stay readable in the source.
 */
import type { Documentation } from "../spec/documentation.ts";

/** Characters that stay as they are. Everything else of ASCII becomes a reference. */
const PLAIN = /[A-Za-z0-9 .,;:?'"()/%=+\u00a0-\uffff]/;

/** Words in a paragraph or a cell; line ends become spaces. Simple names between backticks stay code. */
export function prose(text: string): string {
  const line = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is to go
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .trim();
  const parts = line.split(/(?<!`)(`[\w .-]*\w`)(?!`)/);
  return parts.map((part, i) => (i % 2 === 1 ? part : escaped(part))).join("");
}

function escaped(text: string): string {
  // Characters that are plain wherever they stand need no look.
  return text.replace(/[^A-Za-z0-9 ,;?'"(/%=+]/gu, (character: string, at: number) => {
    const point = character.codePointAt(0)!;
    // A number and a dot at the beginning of a line make a list, `a://` a link, `www.` one too.
    const before = text.slice(Math.max(0, at - 12), at);
    const meant =
      (character === "." && (/^\d+$/.test(before) || /www$/i.test(before))) ||
      (character === ")" && /^\d+$/.test(before)) ||
      (character === ":" && text.startsWith("//", at + 1));
    if (character === "-" && at > 0 && /\w/.test(text[at + 1] ?? "")) return "-";
    if (character === "_" && /[A-Za-z0-9]_[A-Za-z0-9]/.test(text.slice(at - 1, at + 2))) return "_";
    const plain = (point > 0xffff || PLAIN.test(character)) && !isHidden(point);
    return plain && !meant ? character : `&#${point};`;
  });
}

/** Characters that turn the text around them, or that nobody sees. */
function isHidden(point: number): boolean {
  return (
    (point >= 0x200b && point <= 0x200f) ||
    (point >= 0x202a && point <= 0x202e) ||
    (point >= 0x2060 && point <= 0x2069) ||
    point === 0xfeff ||
    (point >= 0xd800 && point <= 0xdfff)
  );
}

/** A name as code, where it is one; names that are not stand as words. */
export function code(name: string): string {
  return /^[\w .:()+,/-]+$/.test(name) ? `\`${name}\`` : prose(name);
}

/** Text inside a fenced block: one line, no fence, and nothing that a renderer without fences would act on. */
export function fenced(text: string): string {
  if (/^[\w ?:.-]*$/.test(text)) return text.trim();
  return Array.from(text, (character) => {
    const point = character.codePointAt(0)!;
    const bad = point < 0x20 || (point >= 0x7f && point < 0xa0) || isHidden(point);
    return bad || "`<>&\u2028\u2029".includes(character) ? " " : character;
  })
    .join("")
    .trim();
}

/** A table; cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The anchor that a heading of letters and digits gets. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}

/** What the spec says to people, as a paragraph; "" where it says nothing. */
export function about({ doc, why, unit, deprecated }: Partial<Documentation>): string {
  const parts = [doc === undefined ? "" : prose(doc)];
  if (unit !== undefined) parts.push(`Unit: ${prose(unit)}.`);
  if (why !== undefined) parts.push(`Why: ${prose(why)}`);
  if (deprecated !== undefined) {
    const { since, replacedBy, reason } = deprecated;
    const when = since === undefined ? "" : ` since version ${since}`;
    const other = replacedBy === undefined ? "" : ` Use ${code(replacedBy)}.`;
    parts.push(`**Deprecated${when}.**${other}${reason === undefined ? "" : ` ${prose(reason)}`}`);
  }
  return parts.filter((part) => part !== "").join(" ");
}
