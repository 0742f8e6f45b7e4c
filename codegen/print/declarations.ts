/**
 * Our own few builders for declarations, and the function that prints a file of them: what a declaration looks like as text
 * is decided here, and nowhere else. Not a formatter: long lines stay as they are made. Worst case: linear in the text.
 */
import type { Import } from "./module.ts";
import { docComment, indented, Lines } from "./text.ts";

export interface Member {
  /** As it stands in the code: quoted where it must be. */
  readonly name: string;
  readonly type: string;
  readonly optional?: boolean;
  readonly readonly?: boolean;
  readonly doc?: string;
}

export interface Interface {
  readonly kind: "interface";
  readonly name: string;
  readonly typeParameters?: readonly string[];
  readonly extends?: readonly string[];
  readonly members: readonly Member[];
  readonly doc?: string;
}

export interface Alias {
  readonly kind: "alias";
  readonly name: string;
  readonly typeParameters?: readonly string[];
  readonly type: string;
  readonly doc?: string;
}

export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly optional?: boolean;
}

export interface Method {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly returns: string;
  readonly body: string;
  readonly doc?: string;
}

export interface Func extends Method {
  readonly kind: "function";
  readonly typeParameters?: readonly string[];
  readonly exported?: boolean;
  /** What its body names of the file, where somebody asks. */
  readonly uses?: ReadonlySet<string>;
}

export interface Accessor {
  readonly name: string;
  readonly type: string;
  readonly get: string;
  readonly set: string;
  readonly doc?: string;
}

export interface Class {
  readonly kind: "class";
  readonly name: string;
  readonly typeParameters?: readonly string[];
  readonly fields: readonly Member[];
  readonly constructorParameters: readonly Parameter[];
  readonly constructorBody: string;
  readonly accessors?: readonly Accessor[];
  readonly methods: readonly Method[];
  readonly doc?: string;
}

/** The functions that `roots` come to by what each uses, in the order of `makers`; the others are not even made. */
export function usedFunctions(
  roots: readonly string[],
  makers: ReadonlyMap<string, () => Func>,
): Func[] {
  const made = new Map<string, Func>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const make = makers.get(name);
    if (make === undefined || made.has(name)) continue;
    const func = make();
    made.set(name, func);
    open.push(...(func.uses ?? []));
  }
  return [...makers.keys()].flatMap((name) => made.get(name) ?? []);
}

/** Text as it is: a comment, a constant. */
export interface Raw {
  readonly kind: "raw";
  /** What it declares, where somebody asks. */
  readonly name?: string;
  readonly text: string;
}

export type Declaration = Interface | Alias | Func | Class | Raw;

/** A file's declarations as text, behind what they import. */
export function printFile(
  imports: readonly Import[],
  declarations: readonly Declaration[],
): string {
  const parts = [...imports, ...declarations];
  let before: Import | Declaration | undefined;
  let out = "";
  for (const part of parts) {
    // Imports stand together; everything else has a blank line in front.
    if (before !== undefined && !(before.kind === "import" && part.kind === "import")) out += "\n";
    out += `${declarationText(part)}\n`;
    before = part;
  }
  return out;
}

function declarationText(part: Import | Declaration): string {
  switch (part.kind) {
    case "raw":
      return part.text;
    case "import":
      return importText(part);
    case "function":
      return functionText(part);
    case "interface":
      return interfaceText(part);
    case "class":
      return classText(part);
    case "alias": {
      const head = `export type ${part.name}${genericText(part.typeParameters)}`;
      return `${docComment(part.doc)}${head} = ${part.type};`;
    }
  }
}

function genericText(names: readonly string[] | undefined): string {
  return names === undefined || names.length === 0 ? "" : `<${names.join(", ")}>`;
}

function parametersText(list: readonly Parameter[]): string {
  return list.map((p) => `${p.name}${p.optional === true ? "?" : ""}: ${p.type}`).join(", ");
}

function memberText(m: Member): string {
  const name = `${m.readonly === true ? "readonly " : ""}${m.name}${m.optional === true ? "?" : ""}`;
  return `${docComment(m.doc, "  ")}  ${name}: ${m.type};\n`;
}

function interfaceText(part: Interface): string {
  const bases = part.extends ?? [];
  const extended = bases.length === 0 ? "" : ` extends ${bases.join(", ")}`;
  const head = `export interface ${part.name}${genericText(part.typeParameters)}${extended}`;
  return `${docComment(part.doc)}${head} {\n${part.members.map(memberText).join("")}}`;
}

function classText(part: Class): string {
  const fields = part.fields.map(memberText).join("");
  const made = parametersText(part.constructorParameters);
  const sections = [
    ...(fields === "" ? [] : [fields]),
    `  constructor(${made}) ${blockText(part.constructorBody)}`,
    ...(part.accessors ?? []).flatMap((a) => [
      `${docComment(a.doc, "  ")}  get ${a.name}(): ${a.type} ${blockText(a.get)}`,
      `  set ${a.name}(value: ${a.type}) ${blockText(a.set)}`,
    ]),
    ...part.methods.map((m) => {
      const head = `${m.name}(${parametersText(m.parameters)}): ${m.returns}`;
      return `${docComment(m.doc, "  ")}  ${head} ${blockText(m.body)}`;
    }),
  ];
  const head = `export class ${part.name}${genericText(part.typeParameters)}`;
  return `${docComment(part.doc)}${head} {\n${sections.join("\n")}}`;
}

/** The body of a method, with its braces. */
function blockText(body: string): string {
  return body === "" ? "{}\n" : `{\n${indented(body, 4)}\n  }\n`;
}

function functionText(part: Func): string {
  const generic = genericText(part.typeParameters);
  const parameters = parametersText(part.parameters);
  const exported = part.exported === false ? "" : "export ";
  const head = `${exported}function ${part.name}${generic}(${parameters}): ${part.returns} {\n`;
  const body = indented(part.body, 2);
  return `${docComment(part.doc)}${head}${body}${body === "" ? "" : "\n"}}`;
}

/** Long ones have a name a line. */
function importText(part: Import): string {
  const values = part.names ?? [];
  const types = part.types ?? [];
  const keyword = values.length === 0 && part.namespace === undefined ? "import type" : "import";
  if (part.namespace !== undefined) {
    const type = part.isType === true ? " type" : "";
    return `import${type} * as ${part.namespace} from "${part.from}";`;
  }
  const all = [
    ...values.map((name) => ({ name, text: name })),
    ...types.map((name) => ({ name, text: values.length > 0 ? `type ${name}` : name })),
  ].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const line = `${keyword} { ${all.map((n) => n.text).join(", ")} } from "${part.from}";`;
  if (line.length <= 100) return line;
  return `${keyword} {\n${all.map((n) => `  ${n.text},\n`).join("")}} from "${part.from}";`;
}

/** `export const name = { … };` of the entries, each in its lines. */
export function constObject(name: string, doc: string, entries: string[][]): Declaration {
  const lines = new Lines();
  lines.block(
    `export const ${name} =`,
    () => {
      for (const entry of entries) lines.add(...entry);
    },
    ";",
  );
  return { kind: "raw", name, text: `/** ${doc} */\n${lines.text}` };
}
