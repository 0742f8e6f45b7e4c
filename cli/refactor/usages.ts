/**
 * Where a user's project uses a thing of its spec: channels are sent, received and tracked, messages built, members read. What
 * is found is what a rename would change, and the object literals of its type. Nothing is changed. Worst case: that of
 * a rename without its compiling, and one question to the compiler for each object literal.
 */
import { ts } from "ts-morph";
import { pascalCase } from "../../codegen/spec/names.ts";
import { Follower, type Use } from "./follow.ts";
import type { Target } from "./path.ts";
import { listed, type Place, placeOf } from "./places.ts";
import { UserProject } from "./project.ts";
import { declarationsOf, type OpenedSpec } from "./renamed-spec.ts";
import { moduleName, roleOf } from "./roles.ts";
import type { Syntax } from "./tokens.ts";
import { computedAccess } from "./unfollowed.ts";

export type UsageKind =
  | "sent"
  | "received"
  | "tracked"
  | "asked"
  | "answered"
  | "built"
  | "read"
  | "written"
  | "compared"
  | "given"
  | "tested"
  | "named";

export interface Usage extends Place {
  readonly kind: UsageKind;
  /** Which side, for what is sent, received, tracked, asked or answered. */
  readonly by?: "client" | "server";
}

export interface Usages {
  readonly target: Target;
  readonly usages: readonly Usage[];
  /** Access by computed names, which may mean it too. */
  readonly computed: readonly Place[];
}

export async function findUsages(
  opened: OpenedSpec,
  target: Target,
  config: string,
): Promise<Usages> {
  const { renamed, plan } = await declarationsOf(opened, target);
  const project = new UserProject(config, opened.out);
  project.setGenerated(opened.plan.files);
  const follower = new Follower(project, renamed);
  const computed = follower.name === undefined ? [] : computedAccess(project, target);
  const sources = new Map(project.ownFiles().map((file) => [file.fileName, file]));
  const built = builtLiterals(project, typesOf(opened, target));
  follower.follow(plan.files);
  const used = follower.uses.map((use) => usageOf(use, sources.get(use.path)!));
  // What a rename could not change is used all the same.
  const stuck = follower.flow.stuck.map(({ path, at }): Usage => {
    const source = sources.get(path)!;
    return { ...placeOf(source, at, lineAt(source, at)), kind: "built" };
  });
  const { places } = listed([...built, ...stuck, ...used]);
  return { target, usages: places as Usage[], computed: listed(computed).places };
}

function usageOf(use: Use, source: ts.SourceFile): Usage {
  const role = use.declaration && roleOf(use.declaration);
  const place = placeOf(source, use.at, lineAt(source, use.at));
  if (role !== undefined) return { ...place, kind: role.what, by: role.by };
  const module = use.declaration && moduleName(use.declaration.file);
  if (module === "testing") return { ...place, kind: "tested" };
  return { ...place, kind: kinds[use.syntax] };
}

const kinds: Readonly<Record<Syntax, UsageKind>> = {
  call: "read",
  build: "built",
  read: "read",
  write: "written",
  compare: "compared",
  value: "given",
  type: "named",
  import: "named",
};

function lineAt(source: ts.SourceFile, offset: number): string {
  const { line } = source.getLineAndCharacterOfPosition(offset);
  return source.text.split("\n")[line]!.trim();
}

/** Generated types whose values are messages of a channel, or of a type. */
function typesOf(opened: OpenedSpec, target: Target): ReadonlySet<string> {
  if (target.kind === "type") return new Set([pascalCase(target.name)]);
  const { channels, system = [] } = opened.plan.model;
  const named = target.kind === "channel" ? channels : target.kind === "message" ? system : [];
  return new Set(
    named
      .filter(({ name }) => name === target.name)
      .flatMap((one) => {
        const { request, response } = ("request" in one && one.request) || {};
        return [one.message, request, response].filter((type) => type !== undefined);
      }),
  );
}

/** Object literals that must be of one of these types. */
function builtLiterals(project: UserProject, names: ReadonlySet<string>): Usage[] {
  if (names.size === 0) return [];
  const checker = project.program.getTypeChecker();
  const found: Usage[] = [];
  for (const source of project.ownFiles()) {
    const visit = (node: ts.Node): void => {
      if (ts.isObjectLiteralExpression(node)) {
        const type = checker.getContextualType(node);
        if (type !== undefined && isOf(type, names, project)) {
          const at = node.getStart();
          found.push({ ...placeOf(source, at, lineAt(source, at)), kind: "built" });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

function isOf(type: ts.Type, names: ReadonlySet<string>, project: UserProject): boolean {
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) =>
    (part.getSymbol()?.declarations ?? []).some((declaration) => {
      const file = project.generatedName(declaration.getSourceFile().fileName);
      if (file === undefined || moduleName(file) !== "types") return false;
      let top: ts.Node = declaration;
      while (!ts.isSourceFile(top.parent)) top = top.parent;
      const { name } = top as ts.Node & { name?: ts.Identifier };
      return name !== undefined && names.has(name.text);
    }),
  );
}
