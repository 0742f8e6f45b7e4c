/**
 * The generator's own YAML files, header.yaml and zero.yaml, read once, as copy-assets.js has parsed them: parsing them
 * again each time took longer than a small spec. A mistake in them is ours, so it throws.
 */
import { readFileSync } from "node:fs";
import type { HeaderAst } from "../spec/ast.ts";
import { Diagnostics } from "../spec/diagnostics.ts";
import type { MapNode, Node } from "../spec/node.ts";
import { toData } from "../spec/node.ts";
import { parseHeader } from "../spec/parse-header.ts";
import { parseZero } from "../spec/parse-zero.ts";
import { Source } from "../spec/source.ts";
import type { ZeroModel } from "./model.ts";
import type { Security } from "./security.ts";
import type { ZeroDefaults, ZeroFacts } from "./zero.ts";

const headers: Partial<Record<Security, HeaderAst>> = {};
let zero: ZeroDefaults | undefined;

/** The layout of a spec without `header`. */
export function defaultHeader(security: Security): HeaderAst {
  const known = headers[security];
  if (known !== undefined) return known;
  const { root, diagnostics } = read("header.yaml");
  const parsed = parseHeader(root, diagnostics);
  const header = atLineZero(checked(parsed, diagnostics, "header.yaml"));
  const clear = header.clear.filter(
    ({ role }) => security === "plain" || role?.name !== "session-tag",
  );
  const made = { ...header, clear };
  headers[security] = made;
  return made;
}

export function defaultZero(): ZeroDefaults {
  if (zero === undefined) {
    const { root, diagnostics } = read("zero.yaml");
    const section = (name: string) => root.entries.find((entry) => entry.key === name)!.value;
    const messages = parseZero(section("messages") as MapNode, diagnostics);
    checked(messages, diagnostics, "zero.yaml");
    const said = plain(section("facts")) as Record<string, Record<string, unknown>>;
    const facts = Object.fromEntries(messages.map(({ name }) => [name, factsOf(said[name]!)]));
    zero = {
      messages,
      facts,
      security: plain(section("security")) as ZeroDefaults["security"],
      states: plain(section("states")) as ZeroModel["states"],
    };
  }
  return zero;
}

function factsOf({
  mac,
  sig = false,
  seq,
  ack,
  text = [],
  spare = [],
  large = [],
  hasBody = false,
}: Record<string, unknown>): ZeroFacts {
  const numbers = (name: "seq" | "ack", value: unknown) =>
    value === undefined ? {} : { [name]: [value].flat() as number[] };
  return {
    mac: mac as boolean,
    sig: sig as boolean,
    ...numbers("seq", seq),
    ...numbers("ack", ack),
    text: text as string[],
    spare: spare as string[],
    large: large as string[],
    hasBody: hasBody as boolean,
  };
}

/** With ordinary prototypes: our own files name nothing dangerous. */
function plain(node: Node): unknown {
  return JSON.parse(JSON.stringify(toData(node)));
}

function read(file: string): { root: MapNode; diagnostics: Diagnostics } {
  const parsed = new URL(`${file}.json`, import.meta.url);
  const root = JSON.parse(readFileSync(parsed, "utf8")) as MapNode;
  // A line of a default is no line of the user's: its text is left out.
  return { root, diagnostics: new Diagnostics(new Source(file, "")) };
}

function checked<T>(value: T | undefined, diagnostics: Diagnostics, file: string): T {
  const first = diagnostics.list[0];
  if (value !== undefined && first === undefined) return value;
  throw new Error(`stardust: ${file}:${first?.line}: ${first?.message}`);
}

/** Sets the line of all fields of a default to 0, since they are not in the spec. */
function atLineZero(ast: HeaderAst): HeaderAst {
  const list = (name: "clear" | "sealed" | "frame") =>
    ast[name].map((field) => ({ ...field, docs: { ...field.docs, line: 0 } }));
  return { ...ast, clear: list("clear"), sealed: list("sealed"), frame: list("frame") };
}
