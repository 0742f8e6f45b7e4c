/**
 * A spec with one name changed: the old text and the new one, both models, and the declarations of generated code that
 * differ. No file of the user's code is looked at, and nothing written. Worst case: the spec is generated twice.
 */
import { type GenerationPlan, planGeneration } from "../../codegen/generate.ts";
import { canonicalJson } from "../../codegen/model/canonical.ts";
import { wireForm } from "../../codegen/model/hash.ts";
import { resolveSpec } from "../../codegen/model/resolve.ts";
import { type LoadedSpec, loadSpec, loadSpecFile } from "../../codegen/spec/load.ts";
import type { MapNode } from "../../codegen/spec/node.ts";
import { parseYaml } from "../../codegen/spec/yaml.ts";
import { type Renamed, renamedDeclarations } from "./declarations.ts";
import { applyEdits } from "./edits.ts";
import { findTarget, type Target } from "./path.ts";
import { Refusal } from "./refusal.ts";
import { specEdits } from "./spec-edits.ts";

/** The spec has errors, as it is or with the new name. */
export class BrokenSpec extends Error {
  readonly loaded: LoadedSpec;

  constructor(loaded: LoadedSpec, message: string) {
    super(message);
    this.loaded = loaded;
  }
}

export interface Files {
  /** Path of the spec. */
  readonly spec: string;
  /** Output folder. */
  readonly out: string;
  readonly target: "ts" | "js";
}

/** A spec as it is. */
export interface OpenedSpec extends Files {
  readonly loaded: LoadedSpec;
  readonly root: MapNode;
  readonly plan: GenerationPlan;
  /** What the path means that was asked for, if one was. */
  readonly meant: Target | undefined;
}

/** The same with another name somewhere. */
export interface RenamedSpec {
  readonly text: string;
  readonly plan: GenerationPlan;
  readonly renamed: readonly Renamed[];
}

/** With a path, also what it means. Throws BrokenSpec, and PathError for a path that means nothing. */
export function openSpec(
  files: Files,
  path: string,
): Promise<OpenedSpec & { readonly meant: Target }>;
export function openSpec(files: Files): Promise<OpenedSpec>;
export async function openSpec(files: Files, path?: string): Promise<OpenedSpec> {
  const loaded = loadSpecFile(files.spec);
  const { source } = loaded;
  const { root } = parseYaml(new TextEncoder().encode(source.text), source.name);
  // A wrong path is told before anything is generated.
  const right = root?.kind === "map" && resolveSpec(loaded) !== undefined;
  const meant = right && path !== undefined ? findTarget(path, root, source) : undefined;
  const plan = right ? await planGeneration(loadSpecFile(files.spec), files) : undefined;
  if (plan === undefined) throw new BrokenSpec(loaded, "the spec has errors");
  return { ...files, loaded, root: root as MapNode, plan, meant };
}

/** Throws BrokenSpec for a name that is not legal, or taken. */
export async function renameInSpec(
  opened: OpenedSpec,
  target: Target,
  to: string,
): Promise<RenamedSpec> {
  const { loaded, plan } = opened;
  const text = renamedText(opened, target, to);
  const next = loadSpec(text, loaded.source.name);
  const model = resolveSpec(next);
  if (model === undefined) throw new BrokenSpec(next, `${target.label} cannot be called so`);
  const [before, after] = [plan.model, model].map((one) => canonicalJson(wireForm(one)));
  if (before !== after) {
    throw new Refusal(`another name of ${target.label} would change what is sent`);
  }
  const planned = await planGeneration(loadSpec(text, loaded.source.name), opened);
  return {
    text,
    plan: planned!,
    renamed: renamedDeclarations(plan.files, planned!.files),
  };
}

function renamedText({ loaded }: OpenedSpec, target: Target, to: string): string {
  const { text } = loaded.source;
  return applyEdits(text, specEdits(text, loaded.spec!, target, to));
}

/**
 * The declarations that a name is in: those that would change with it. The name that is tried is one that is legal
 * wherever the old one is, and that the spec does not have.
 */
export async function declarationsOf(opened: OpenedSpec, target: Target): Promise<RenamedSpec> {
  const { loaded } = opened;
  const base = target.kind === "type" ? "Probe" : "probe";
  for (let i = 0; ; i++) {
    const name = `${base}${i}`;
    if (loaded.source.text.toLowerCase().includes(name.toLowerCase())) continue;
    return renameInSpec(opened, target, name);
  }
}
