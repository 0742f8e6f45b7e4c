/**
 * `types.ts`: an interface for every struct, a union by `kind` for every union, and for every enum a union of its names with a constant of its values. Only
 * what a user of the protocol sees; how it becomes bytes is codecs.ts.
 */
import { definedKinds } from "../kinds/kinds.ts";
import type { Named } from "../model/lookup.ts";
import type { MemberModel, Model, StructModel, UnionModel } from "../model/model.ts";
import type { Declaration } from "../print/declarations.ts";
import {
  commentText,
  docComment,
  documentation,
  memberName,
  optionalDoc,
  quote,
  sizeText,
} from "../print/text.ts";
import { rangeText, typeText } from "./layout.ts";

export function emitTypes(model: Model): Declaration[] {
  return [
    ...definedKinds.flatMap((kind) =>
      model[kind.list].flatMap((one) => kind.declarations(one, model.specFile)),
    ),
    ...model.unions.map((u) => unionDeclaration(u, model.specFile)),
    ...model.structs.map((s) => structDeclaration(s, model.specFile)),
  ];
}

function unionDeclaration(u: UnionModel, specFile: string): Declaration {
  const variants = u.variants.map((v) => {
    const range = rangeText(v.type);
    const facts = [`Tag ${v.tag}.`, ...(range === "" ? [] : [range])];
    const doc = docComment(documentation(v, specFile, facts), "  ");
    return `${doc}  | { kind: ${quote(v.name)}; value: ${typeText(v.type, asIs)} }`;
  });
  const facts = [sizeFact(u), ...depthFact(u)];
  const doc = docComment(documentation(u, specFile, facts));
  return { kind: "raw", text: `${doc}export type ${u.name} =\n${variants.join("\n")};` };
}

/** Beside each other, types need no import. */
const asIs = (name: string): string => name;

function depthFact({ recursion, name }: Named): string[] {
  return recursion?.head === name ? [`At most ${recursion.maxDepth} lie in each other.`] : [];
}

function structDeclaration(s: StructModel, specFile: string): Declaration {
  return {
    kind: "interface",
    name: s.name,
    members: s.members.map((m) => ({
      name: memberName(m.name),
      optional: m.optional,
      type: typeText(m.type, asIs) + (m.optional ? " | undefined" : ""),
      ...optionalDoc(documentation(m, specFile, memberFacts(m))),
    })),
    ...optionalDoc(documentation(s, specFile, [sizeFact(s), ...depthFact(s)])),
  };
}

function memberFacts(m: MemberModel): string[] {
  const range = rangeText(m.type);
  const since = m.since === undefined ? [] : [`Since version ${m.since}${defaultFact(m)}.`];
  return [...(range === "" ? [] : [range]), ...since];
}

function defaultFact(m: MemberModel): string {
  const given = m.default;
  return given === undefined ? "" : `; ${commentText(JSON.stringify(given)).join(" ")} before`;
}

function sizeFact(s: Named): string {
  return `Takes ${sizeText(s)}.`;
}
