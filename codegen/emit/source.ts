/**
 * The only file that knows ts-morph: our own few builders for declarations, and one function that prints a file of them.
 * Imports, functions and constants are put together as text, since ts-morph parses whatever it prints and most of the text is
 * theirs; interfaces, classes and type aliases are its. A file's structures go to it in one call: node by node it is
 * quadratic. Worst case: linear in the text.
 */
import type { OptionalKind, ParameterDeclarationStructure, StatementStructures } from "ts-morph";

import { docComment } from "./text.ts";

export interface Import {
  readonly kind: "import";
  readonly from: string;
  readonly names?: readonly string[];
  /** Names of which only the type is used. */
  readonly types?: readonly string[];
  /** `import * as namespace`. */
  readonly namespace?: string;
  readonly namespaceIsType?: boolean;
}

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

/** Text as it is: a comment, a constant. */
export interface Raw {
  readonly kind: "raw";
  readonly text: string;
}

export type Declaration = Import | Interface | Alias | Func | Class | Raw;

/** Prints files; made once a run, since ts-morph takes a quarter of a second to load. */
export async function openPrinter(): Promise<(name: string, parts: Declaration[]) => string> {
  const { IndentationText, Project, StructureKind } = await import("ts-morph");
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });

  const docs = (text: string | undefined) => (text === undefined ? [] : [{ description: text }]);
  const generics = (names: readonly string[] | undefined) => [...(names ?? [])];
  const parameters = (list: readonly Parameter[]): OptionalKind<ParameterDeclarationStructure>[] =>
    list.map((p) => ({ name: p.name, type: p.type, hasQuestionToken: p.optional === true }));

  const structure = (part: Structured): StatementStructures => {
    switch (part.kind) {
      case "interface":
        return {
          kind: StructureKind.Interface,
          name: part.name,
          isExported: true,
          docs: docs(part.doc),
          typeParameters: generics(part.typeParameters),
          extends: [...(part.extends ?? [])],
          properties: part.members.map((m) => ({
            name: m.name,
            type: m.type,
            hasQuestionToken: m.optional === true,
            isReadonly: m.readonly === true,
            docs: docs(m.doc),
          })),
        };
      case "alias":
        return {
          kind: StructureKind.TypeAlias,
          name: part.name,
          isExported: true,
          docs: docs(part.doc),
          typeParameters: generics(part.typeParameters),
          type: part.type,
        };
      case "class":
        return {
          kind: StructureKind.Class,
          name: part.name,
          isExported: true,
          docs: docs(part.doc),
          typeParameters: generics(part.typeParameters),
          properties: part.fields.map((m) => ({
            name: m.name,
            type: m.type,
            isReadonly: m.readonly === true,
            docs: docs(m.doc),
          })),
          ctors: [
            {
              parameters: parameters(part.constructorParameters),
              statements: part.constructorBody,
            },
          ],
          getAccessors: (part.accessors ?? []).map((a) => ({
            name: a.name,
            returnType: a.type,
            statements: a.get,
            docs: docs(a.doc),
          })),
          setAccessors: (part.accessors ?? []).map((a) => ({
            name: a.name,
            parameters: [{ name: "value", type: a.type }],
            statements: a.set,
          })),
          methods: part.methods.map((m) => ({
            name: m.name,
            parameters: parameters(m.parameters),
            returnType: m.returns,
            statements: m.body,
            docs: docs(m.doc),
          })),
        };
    }
  };

  return (name, parts) => {
    const structures = parts.filter(isStructured).flatMap((part) => [structure(part), MARK]);
    const text =
      structures.length === 0
        ? ""
        : project.createSourceFile(name, { statements: structures }).getFullText();
    const printed = text.split(`${MARK}\n`);
    let next = 0;
    let before: Declaration | undefined;
    let out = "";
    for (const part of parts) {
      // Imports stand together; everything else has a blank line in front.
      if (before !== undefined && !(before.kind === "import" && part.kind === "import"))
        out += "\n";
      out += isStructured(part) ? `${printed[next++]!.trim()}\n` : `${plainText(part)}\n`;
      before = part;
    }
    return out;
  };
}

/** What is left to ts-morph. */
type Structured = Interface | Alias | Class;

function isStructured(part: Declaration): part is Structured {
  return part.kind === "interface" || part.kind === "alias" || part.kind === "class";
}

/** Stands between what ts-morph prints; a line of a doc comment never begins like it. */
const MARK = "// ----";

function plainText(part: Exclude<Declaration, Structured>): string {
  if (part.kind === "raw") return part.text;
  return part.kind === "import" ? importText(part) : functionText(part);
}

function functionText(part: Func): string {
  const generic = part.typeParameters === undefined ? "" : `<${part.typeParameters.join(", ")}>`;
  const parameters = part.parameters
    .map((p) => `${p.name}${p.optional === true ? "?" : ""}: ${p.type}`)
    .join(", ");
  const exported = part.exported === false ? "" : "export ";
  const head = `${exported}function ${part.name}${generic}(${parameters}): ${part.returns} {\n`;
  const body = part.body.replace(/^(?=.)/gm, "  ");
  return `${docComment(part.doc)}${head}${body}${body === "" ? "" : "\n"}}`;
}

/** An import as text, since ts-morph never breaks its line. */
function importText(part: Import): string {
  const values = part.names ?? [];
  const types = part.types ?? [];
  const keyword = values.length === 0 && part.namespace === undefined ? "import type" : "import";
  if (part.namespace !== undefined) {
    const type = part.namespaceIsType === true ? " type" : "";
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
