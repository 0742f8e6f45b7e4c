/**
 * `types.ts`: an interface for every struct, and for every enum a union of its names with a constant of its values. Only
 * what a user of the protocol sees; how it becomes bytes is codecs.ts.
 */
import type { EnumModel, MemberModel, Model, StructModel } from "../model/model.ts";
import { rangeText, typeText } from "./layout.ts";
import type { Declaration } from "./source.ts";
import { docComment, documentation, key, memberName } from "./text.ts";

export function emitTypes(model: Model): Declaration[] {
  return [
    ...model.enums.flatMap((e) => enumDeclarations(e, model.specFile)),
    ...model.structs.map((s) => structDeclaration(s, model.specFile)),
  ];
}

function enumDeclarations(e: EnumModel, specFile: string): Declaration[] {
  const values = e.values.map(
    (v) => `${docComment(documentation(v, specFile), "  ")}  ${key(v.name)}: ${v.value},\n`,
  );
  const doc = docComment(documentation(e, specFile, ["The number of each name on the wire."]));
  return [
    { kind: "raw", text: `${doc}export const ${e.name} = {\n${values.join("")}} as const;` },
    {
      kind: "alias",
      name: e.name,
      type: `keyof typeof ${e.name}`,
      ...optionalDoc(documentation(e, specFile)),
    },
  ];
}

function structDeclaration(s: StructModel, specFile: string): Declaration {
  return {
    kind: "interface",
    name: s.name,
    members: s.members.map((m) => ({
      name: memberName(m.name),
      optional: m.optional,
      type: typeText(m.type, "") + (m.optional ? " | undefined" : ""),
      ...optionalDoc(documentation(m, specFile, memberFacts(m))),
    })),
    ...optionalDoc(documentation(s, specFile, [sizeFact(s)])),
  };
}

function memberFacts(m: MemberModel): string[] {
  const range = rangeText(m.type);
  return range === "" ? [] : [range];
}

function sizeFact(s: StructModel): string {
  return s.fixedBytes >= 0
    ? `Takes ${s.fixedBytes} bytes.`
    : `Takes ${s.minBytes} to ${s.maxBytes} bytes.`;
}

/** A doc that may be missing, for builders under exactOptionalPropertyTypes. */
export function optionalDoc(doc: string | undefined): { doc?: string } {
  return doc === undefined ? {} : { doc };
}
