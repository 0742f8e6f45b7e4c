/**
 * Specs under noise: a tree of entries, each with a name or a value that nothing else has, is written in random style
 * with comments at random places. What the noise knows of each comment, its entry, is asked of the formatted text.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { formatSpec } from "#codegen/rules/formatter.js";
import { loadSpec } from "#codegen/spec/load.js";
import { toData } from "#codegen/spec/node.js";
import { parseYaml } from "#codegen/spec/yaml.js";

/** Says yes with a probability, and chooses. */
interface Chance {
  yes(percent: number): boolean;
  of<T>(values: readonly T[]): T;
}

type Tree = string | readonly Tree[] | readonly (readonly [key: string, value: Tree])[];
type Place = "line" | "above" | "end";

const numbers = [
  "1e3",
  "0x10",
  "1.0",
  "+2.50",
  "-0",
  "1_000",
  "18446744073709551615",
  ".5",
  "0o17",
];
const scalars = ["u8", "'a b'", '"x: y"', '"# no"', "two words", "true", "~", "Null", ...numbers];
const isMap = (tree: Tree): tree is readonly (readonly [string, Tree])[] =>
  typeof tree !== "string" && Array.isArray(tree[0]);

class Noise {
  readonly comments: { text: string; place: Place; word: string }[] = [];
  readonly #chance: Chance;
  #count = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  name(): string {
    return `n${this.#count++}e`;
  }

  tree(depth: number): Tree {
    const size = this.#chance.of([1, 2, 3]);
    if (depth === 0 || this.#chance.yes(40)) return this.#chance.of(scalars);
    if (this.#chance.yes(20)) return Array.from({ length: size }, () => `${this.name()}v`);
    return Array.from({ length: size }, () => [this.name(), this.tree(depth - 1)] as const);
  }

  #comment(place: Place, word: string): string {
    const text = `c${this.#count++}c${this.#chance.yes(20) ? " {a: [b], 'c" : ""}`;
    this.comments.push({ text, place, word });
    return `# ${text}`;
  }

  /** A comment to the end of the line, or the line's end, or nothing. */
  #gap(place: Place, word: string, indent: string, percent = 25): string {
    if (this.#chance.yes(percent)) return ` ${this.#comment(place, word)}\n${indent}`;
    return this.#chance.of([" ", " ", `\n${indent}`, `\n\n${indent}`]);
  }

  above(word: string, indent: string): string {
    const blank = () => (this.#chance.yes(10) ? "\n" : "");
    if (!this.#chance.yes(20)) return blank();
    return `${blank()}${indent}${this.#comment("above", word)}\n${blank()}`;
  }

  /** A whole map in block style, each entry on lines of its own. */
  block(map: readonly (readonly [string, Tree])[], indent: string): string {
    return map
      .map(([key, value]) => {
        const head = `${this.above(key, indent)}${indent}${this.#key(key)}:`;
        const behind = () => (this.#chance.yes(25) ? ` ${this.#comment("line", key)}` : "");
        if (isMap(value) && this.#chance.yes(60)) {
          return `${head}${behind()}\n${this.block(value, `${indent}  `)}`;
        }
        const gap = this.#chance.yes(20) ? `${behind()}\n${indent}    ` : " ";
        return `${head}${gap}${this.#flow(value, key, `${indent}    `)}${behind()}\n`;
      })
      .join("");
  }

  #flow(tree: Tree, word: string, indent: string): string {
    if (typeof tree === "string") return tree;
    const inner = `${indent}  `;
    const [open, close] = isMap(tree) ? "{}" : "[]";
    let text = open + this.#gap("line", word, inner);
    tree.forEach((item, i) => {
      const key = isMap(tree) ? tree[i]![0] : String(item);
      const above = this.above(key, inner);
      text += above.includes("#") ? `\n${above}${inner}` : above === "" ? "" : `\n${inner}`;
      if (isMap(tree)) {
        const value = tree[i]![1];
        const wide = this.#chance.yes(20) ? this.#gap("line", key, `${inner}  `) : " ";
        text += `${this.#key(key)}:${wide}${this.#flow(value, key, `${inner}  `)}`;
      } else text += key;
      if (i < tree.length - 1 || this.#chance.yes(50)) text += ",";
      text += this.#gap("line", key, inner);
    });
    if (this.#chance.yes(20)) text += `\n${inner}${this.#comment("end", word)}\n${inner}`;
    return `${text}${close}`;
  }

  #key(key: string): string {
    return this.#chance.yes(20) ? JSON.stringify(key) : key;
  }
}

function format(text: string): string {
  const formatted = formatSpec(loadSpec(text, "protocol.yaml"));
  if (formatted === undefined) throw new Error("not formatted");
  return formatted;
}

const data = (text: string) => toData(parseYaml(new TextEncoder().encode(text), "").root!);
const isComment = (line: string) => /^\s*(#|$)/.test(line);

it("is done after once, keeps what is said and how numbers are spelled, and each comment at its entry", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(99)), (stream) => {
      const next = () => stream.next().value as number;
      const noise = new Noise({
        yes: (percent) => next() < percent,
        of: (values) => values[next() % values.length]!,
      });
      const tree = [1, 2, 3].map(() => [noise.name(), noise.tree(3)] as const);
      const spec = noise.block(tree, "");
      const text = `# opening\n\nstardust: 1\n${spec}`;
      const once = format(text);
      expect(format(once), text).toBe(once);
      expect(data(once), text).toEqual(data(text));
      for (const number of numbers) {
        const count = (of: string) => of.split(/[\s,{}[\]]+/).filter((w) => w === number).length;
        expect(count(once), `${number} in ${text}`).toBe(count(text));
      }
      const lines = once.split("\n");
      for (const { text: comment, place, word } of noise.comments) {
        const at = lines.findIndex((line) => line.trimEnd().endsWith(`# ${comment}`));
        const said = `${comment}, ${place} ${word}\n${text}\n----\n${once}`;
        expect(at, said).toBeGreaterThanOrEqual(0);
        const below = lines.slice(at).find((line) => !isComment(line)) ?? "";
        if (place === "end") expect(below, said).toMatch(/^\s*[\]}]/);
        else if (place === "above") expect(below, said).toMatch(wordIn(word));
        else expect(entryLine(lines, at), said).toMatch(wordIn(word));
      }
    }),
    { numRuns: 300 },
  );
});

/** The line that a comment behind something is about: of two comments of one entry one is behind the value below. */
function entryLine(lines: readonly string[], at: number): string {
  const line = lines[at]!;
  if (/^\s*[\]}]/.test(line)) {
    const indent = /^\s*/.exec(line)![0].length;
    const from = lines
      .slice(0, at)
      .findLastIndex((l) => /^\s*/.exec(l)![0].length < indent && l !== "");
    return lines[from]!;
  }
  const above = lines.slice(0, at).findLast((l) => !isComment(l)) ?? "";
  return /: #/.test(above) ? `${above} ${line}` : line;
}

function wordIn(word: string): RegExp {
  return new RegExp(`(^|[^\\w])${word}([^\\w]|$)`);
}
