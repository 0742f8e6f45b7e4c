/**
 * Channels that nobody sends, or nobody handles, in a user's project. Only sides that the project has are looked at: a
 * client's repository says nothing about its server. The words of the findings are codegen/rules/usage-rules.ts's. Worst
 * case: one question to the language service for each method of the generated faces.
 */
import { ts } from "ts-morph";
import { planGeneration } from "../../codegen/generate.ts";
import type { ChannelModel } from "../../codegen/model/model.ts";
import type { UsageFindings } from "../../codegen/rules/usage-rules.ts";
import { loadSpec } from "../../codegen/spec/load.ts";
import { type Renamed, renamedDeclarations } from "./declarations.ts";
import { applyEdits } from "./edits.ts";
import { findTarget } from "./path.ts";
import { UserProject } from "./project.ts";
import type { OpenedSpec } from "./renamed-spec.ts";
import { moduleName, type Role, roleOf, roles } from "./roles.ts";
import { specEdits } from "./spec-edits.ts";

type Side = Role["by"];

/** By rule. */
export async function lintUsage(opened: OpenedSpec, config: string): Promise<UsageFindings> {
  const declarations = await channelDeclarations(opened);
  const project = new UserProject(config, opened.out);
  project.setGenerated(opened.plan.files);
  const present = sidesOf(project);
  const open = computedOwners(project);
  const used = new Set<string>();
  for (const one of declarations) {
    const role = roleOf(one);
    if (role === undefined) continue;
    const key = `${one.from} ${role.what}`;
    if (used.has(key)) continue;
    if (open.has(`${moduleName(one.file)} ${one.owner}`) || isUsed(project, one)) used.add(key);
  }
  const unused = (
    what: (channel: ChannelModel) => Role["what"],
    sides: (channel: ChannelModel) => readonly Side[],
  ) =>
    opened.plan.model.channels
      .filter((channel) => sides(channel).every((side) => present.has(side)))
      .filter((channel) => !used.has(`${channel.name} ${what(channel)}`))
      .map((channel) => ({ channel, sides: sides(channel) }));
  return {
    unsent: unused(({ request }) => (request ? "asked" : "sent"), senders),
    unhandled: unused(({ request }) => (request ? "answered" : "received"), receivers),
  };
}

function senders({ direction, request }: ChannelModel): readonly Side[] {
  const way = request?.asks ?? direction;
  if (way === "both") return ["client", "server"];
  return way === "client-to-server" ? ["client"] : ["server"];
}

function receivers({ direction, request }: ChannelModel): readonly Side[] {
  const way = request?.asks ?? direction;
  if (way === "both") return ["client", "server"];
  return way === "client-to-server" ? ["server"] : ["client"];
}

/** Declarations that have the name of a channel: all are given another at once. */
async function channelDeclarations(opened: OpenedSpec): Promise<readonly Renamed[]> {
  const { text, name: file } = opened.loaded.source;
  const { channels, structs } = opened.plan.model;
  const free = [...channels.map(({ name }) => name), ...structs.map(({ name }) => name), text];
  let prefix = "probe";
  while (free.some((name) => name.toLowerCase().includes(prefix))) prefix += "x";
  const edits = channels.flatMap(({ name }, i) => {
    const path = `channels.${JSON.stringify(name)}`;
    const target = findTarget(path, opened.root, opened.loaded.source);
    return specEdits(text, opened.loaded.spec!, target, `${prefix}${i}`);
  });
  const plan = await planGeneration(loadSpec(applyEdits(text, edits), file), opened);
  return plan === undefined ? [] : renamedDeclarations(opened.plan.files, plan.files);
}

function isUsed(project: UserProject, one: Renamed): boolean {
  const path = project.generatedPath(one.file);
  const found = project.service.getReferencesAtPosition(path, one.at) ?? [];
  return found.some(({ fileName }) => project.isOwn(fileName));
}

/** Sides whose generated module the user's code imports. */
function sidesOf(project: UserProject): ReadonlySet<Side> {
  const checker = project.program.getTypeChecker();
  const sides = new Set<Side>();
  for (const source of project.ownFiles()) {
    for (const statement of source.statements) {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
      if (statement.moduleSpecifier === undefined) continue;
      const module = checker.getSymbolAtLocation(statement.moduleSpecifier)?.declarations?.[0];
      const file = module && project.generatedName(module.getSourceFile().fileName);
      const named = file === undefined ? undefined : roles[moduleName(file)];
      if (named !== undefined && moduleName(file!) !== "face") {
        for (const { by } of Object.values(named)) sides.add(by);
      }
    }
  }
  return sides;
}

/** Faces that are used by computed names: any of their channels may be meant. */
function computedOwners(project: UserProject): ReadonlySet<string> {
  const checker = project.program.getTypeChecker();
  const owners = new Set<string>();
  for (const source of project.ownFiles()) {
    const visit = (node: ts.Node): void => {
      if (ts.isElementAccessExpression(node) && !ts.isStringLiteralLike(node.argumentExpression)) {
        const symbol = checker.getTypeAtLocation(node.expression).getSymbol();
        for (const declaration of symbol?.declarations ?? []) {
          const file = project.generatedName(declaration.getSourceFile().fileName);
          if (file !== undefined) owners.add(`${moduleName(file)} ${symbol!.name}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return owners;
}
