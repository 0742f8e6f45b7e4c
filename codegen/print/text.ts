/**
 * What stands between the spec's words and the generated text: literals, property names, comments and identifiers that
 * are safe wherever they land, and a small builder for the lines of a body. Decides nothing about the protocol.
 */
import type { Documentation } from "../spec/documentation.ts";
import { type Module, type WireFunction, wireFunctions } from "./module.ts";

/** A JavaScript string literal. */
export function quote(text: string): string {
  return `"${escaped(text)}"`;
}

/** Text as it stands in a template literal. */
export function inTemplate(text: string): string {
  return escaped(text).replaceAll("`", "\\`").replaceAll("${", "\\${");
}

/** Text between two quotation marks. */
function escaped(text: string): string {
  const literal = JSON.stringify(text).slice(1, -1);
  return literal.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

const identifier = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** `.name` or `["name"]` behind an expression. */
export function access(name: string): string {
  return identifier.test(name) && name !== "__proto__" ? `.${name}` : `[${quote(name)}]`;
}

const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** The value of a member of the local `object`: its own, where every object inherits something of that name. */
export function memberOf(object: string, name: string, lines: Lines): string {
  const of = lines.use(object);
  return inherited.has(name) ? `${lines.wire("own")}(${of}, ${quote(name)})` : of + access(name);
}

/**
 * Puts every member of `object` into a local, each read once: what was checked is what is written, whatever getters the
 * object has. Returns the locals.
 */
export function destructure(
  object: string,
  members: readonly { readonly name: string }[],
  lines: Lines,
  names: Names,
): (name: string) => string {
  const locals = new Map<string, string>();
  const parts: string[] = [];
  for (const { name } of members) {
    const local = names.take(camel(name));
    locals.set(name, local);
    if (!inherited.has(name)) parts.push(local === name ? name : `${memberName(name)}: ${local}`);
  }
  const line = `const { ${parts.join(", ")} } = ${object};`;
  if (line.length <= 96) {
    if (parts.length > 0) lines.add(line);
  } else {
    lines.add("const {", ...parts.map((part) => `  ${part},`), `} = ${object};`);
  }
  for (const { name } of members) {
    if (inherited.has(name))
      lines.add(`const ${locals.get(name)} = ${memberOf(object, name, lines)};`);
  }
  return (name) => locals.get(name)!;
}

/** A member's name in an interface. */
export function memberName(name: string): string {
  return identifier.test(name) ? name : quote(name);
}

/** A key in an object literal or a method of a class; `__proto__` and `constructor` would mean something else there. */
export function key(name: string): string {
  if (name === "__proto__" || name === "constructor") return `[${quote(name)}]`;
  return memberName(name);
}

/** `key: value` in an object literal, short where it can be. */
export function property(name: string, value: string): string {
  const written = key(name);
  return written === value && identifier.test(name) ? value : `${written}: ${value}`;
}

/** A number as an expression; negative ones may stand behind any operator but `-`. */
export function number(value: number): string {
  return Object.is(value, -0) ? "0" : String(value);
}

/** Words of a name, split at everything that is no letter or digit. */
function partsOf(name: string): string[] {
  return name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
}

/** `fire-ball` as `FireBall`. */
export function pascal(name: string): string {
  const joined = partsOf(name)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
  return /^[A-Za-z]/.test(joined) ? joined : `X${joined}`;
}

/** `fire-ball` as `fireBall`. */
export function camel(name: string): string {
  const joined = pascal(name);
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}

/** A type's name with its article, for sentences. */
export function one(name: string): string {
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

/** Prefixes of the names of functions that are made for a type, as in `writeVec2`. */
const families = [
  ...(["write", "decode"] as const),
  ...(["valueOf", "nameOf", "namesOf", "zero"] as const),
];
const derived = new RegExp(`^(${families.join("|")})[A-Z]`);

/** A check by the compiler: no function of the runtime has a name that begins with one of `families`. */
type Apart = Exclude<(typeof wireFunctions)[number], `${(typeof families)[number]}${string}`>;
const imported: readonly Apart[] = wireFunctions;

const reserved = new Set<string>([
  ...imported,
  ...(
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof undefined var void while with yield " +
    "Array Map Math Number Uint8Array error"
  ).split(" "),
]);

/** Hands out names that are different from each other and from what the generated code around them uses. */
export class Names {
  readonly #taken = new Set<string>();

  constructor(taken: Iterable<string> = []) {
    for (const name of taken) this.#taken.add(name);
  }

  /** A name like `wanted`, free in this scope. */
  take(wanted: string): string {
    let name = wanted;
    if (reserved.has(name) || derived.test(name)) name += "_";
    const free = name;
    for (let i = 2; this.#taken.has(name); i++) name = `${free}${i}`;
    this.#taken.add(name);
    return name;
  }

  /** Names for a whole list, by position. */
  static forAll(wanted: readonly string[], taken: Iterable<string> = []): string[] {
    const names = new Names(taken);
    return wanted.map((name) => names.take(name));
  }
}

/** Text that cannot end a block comment, and cannot start a TSDoc tag. Half a character is replaced, as in a file. */
export function commentText(text: string): string[] {
  return text
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replaceAll("*/", "*\\/")
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.trim().replace(/^@/, "\\@"));
}

/** A TSDoc comment's text for the builders of declarations.ts; undefined where there is nothing to say. */
export function docText(lines: readonly string[]): string | undefined {
  const used = lines.filter((line, i) => line !== "" || (i > 0 && i < lines.length - 1));
  if (used.length === 0) return undefined;
  return used.length === 1 ? used[0] : `\n${used.join("\n")}`;
}

/** `a, b or c` for problem texts. */
export function nameList(values: readonly { readonly name: string }[]): string {
  const names = values.map((v) => v.name);
  const shown = names.length > 12 ? [...names.slice(0, 11), `${names.length - 11} more`] : names;
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}

/** A doc that may be missing, for builders under exactOptionalPropertyTypes. */
export function optionalDoc(doc: string | undefined): { doc?: string } {
  return doc === undefined ? {} : { doc };
}

/** What the spec says about a thing, as lines of TSDoc. `facts` are added behind the spec's own words. */
export function documentation(
  about: Partial<Documentation>,
  specFile: string,
  facts: readonly string[] = [],
): string | undefined {
  const lines: string[] = [];
  if (about.doc !== undefined) lines.push(...commentText(about.doc));
  const unit = about.unit === undefined ? [] : [`Unit: ${commentText(about.unit).join(" ")}.`];
  const aside = [...unit, ...facts].join(" ");
  if (aside !== "") lines.push(aside);
  if (about.why !== undefined) lines.push(`Why: ${commentText(about.why).join(" ")}`);
  if (about.deprecated !== undefined) {
    const { since, replacedBy, reason } = about.deprecated;
    const parts = [
      since === undefined ? "" : `Since version ${since}.`,
      replacedBy === undefined ? "" : `Use ${commentText(replacedBy).join(" ")}.`,
      reason === undefined ? "" : commentText(reason).join(" "),
    ];
    lines.push(`@deprecated ${parts.filter((part) => part !== "").join(" ")}`.trim());
  }
  if (about.line !== undefined && about.line > 0)
    lines.push(`@see ${commentText(specFile).join(" ")}:${about.line}`);
  return docText(lines);
}

/** `8 bytes`, `5 to 246 bytes`. */
export function sizeText({
  minBytes,
  maxBytes,
}: {
  readonly minBytes: number;
  readonly maxBytes: number;
}): string {
  if (minBytes !== maxBytes) return `${minBytes} to ${maxBytes} bytes`;
  return `${maxBytes} ${maxBytes === 1 ? "byte" : "bytes"}`;
}

/** A doc comment as text, for constants, which are not built by declarations.ts. */
export function docComment(text: string | undefined, indent = ""): string {
  if (text === undefined) return "";
  if (!text.startsWith("\n")) return `${indent}/** ${text} */\n`;
  const lines = text.slice(1).split("\n");
  const body = lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`).join("");
  return `${indent}/**\n${body}${indent} */\n`;
}

/** Every line that is not empty, so many spaces further in. No literal of ours goes over lines. */
export function indented(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(spaces));
}

/** The lines of a body, indented by its blocks, and what of the names around it they use. */
export class Lines {
  readonly #lines: string[] = [];
  readonly #used = new Set<string>();
  readonly #module: Module | undefined;
  #depth = 0;

  /** Without a module, for a body that names nothing of other files. */
  constructor(module?: Module) {
    this.#module = module;
  }

  /** A parameter, a local or a function of the file that may be left out where nothing uses it: to name it is to use it. */
  use(name: string): string {
    this.#used.add(name);
    return name;
  }

  uses(name: string): boolean {
    return this.#used.has(name);
  }

  get used(): ReadonlySet<string> {
    return this.#used;
  }

  /** A function of the runtime's, imported. */
  wire(name: WireFunction): string {
    return this.module.wire(name);
  }

  get module(): Module {
    if (this.#module === undefined) throw new Error("these lines are of no file");
    return this.#module;
  }

  add(...lines: string[]): this {
    for (const line of lines) this.#lines.push(line === "" ? "" : "  ".repeat(this.#depth) + line);
    return this;
  }

  /** `head {` … `}`; a tail follows the brace. */
  block(head: string, inside: () => void, tail = ""): this {
    this.add(`${head} {`);
    this.#depth++;
    inside();
    this.#depth--;
    return this.add(`}${tail}`);
  }

  /** Goes on behind the brace of the block before: `} catch (error) {` … `}`. */
  chain(head: string, inside: () => void): this {
    this.#lines.pop();
    this.add(`} ${head} {`);
    this.#depth++;
    inside();
    this.#depth--;
    return this.add("}");
  }

  /** A statement around what is joined by `|`, a part a line where they are many; 0 where there are none. */
  or(before: string, parts: readonly string[], after: string): this {
    const whole = before + (parts.join(" | ") || "0") + after;
    if (this.#depth * 2 + whole.length <= 100) return this.add(whole);
    this.add(before.trimEnd());
    parts.forEach((part, i) => {
      this.add(`  ${part}${i === parts.length - 1 ? after : " |"}`);
    });
    return this;
  }

  /** `if (condition) {…}`, or just the inside where the condition always holds. */
  when(condition: string, inside: () => void): this {
    if (condition !== "") return this.block(`if (${condition})`, inside);
    inside();
    return this;
  }

  get text(): string {
    return this.#lines.join("\n");
  }
}
