/**
 * One name of a spec changed everywhere: in the spec, in generated code, and in the user's project. All of it is made
 * and compiled in memory; what comes out is either the whole change or, as a Refusal, the reason why there is none.
 * Where a literal's type was inferred, the compiler cannot say whose name it is: then the name is tried, and kept if
 * the compiler finds fewer errors with it. Worst case: MAX_ATTEMPTS names are tried.
 */
import { readFileSync } from "node:fs";
import type { FileWrite } from "./commit.ts";
import { dependents } from "./dependents.ts";
import { movedBy } from "./edits.ts";
import { type Candidate, Follower, type Use } from "./follow.ts";
import type { Target } from "./path.ts";
import { listed, type Place, placeOf } from "./places.ts";
import { type CompileError, UserProject } from "./project.ts";
import { Refusal } from "./refusal.ts";
import { type OpenedSpec, type RenamedSpec, renameInSpec } from "./renamed-spec.ts";
import { beside, computedAccess, untyped } from "./unfollowed.ts";

const MAX_ATTEMPTS = 40;
/** Places that a refusal shows. */
const MAX_SHOWN = 10;

export interface RenamePlan {
  readonly target: Target;
  readonly to: string;
  readonly uses: readonly Use[];
  /** The spec and the user's files, then those of generated code. */
  readonly sources: readonly (FileWrite & { readonly before: string; readonly after: string })[];
  readonly generated: readonly FileWrite[];
  readonly hash: { readonly before: string; readonly after: string };
  readonly unfollowed: readonly Place[];
  /** Places beyond those. */
  readonly more: number;
}

/** Throws Refusal, and BrokenSpec for a name that is not legal or taken. */
export async function planRename(
  opened: OpenedSpec,
  target: Target,
  to: string,
  config: string,
): Promise<RenamePlan> {
  if (target.name === to) throw new Refusal(`${target.label} has that name already`);
  const next = await renameInSpec(opened, target, to);
  const project = new UserProject(config, opened.out);
  project.setGenerated(opened.plan.files);
  const follower = new Follower(project, next.renamed);
  const computed = follower.name === undefined ? [] : computedAccess(project, target);
  follower.follow(next.plan.files);
  const check = new Check(project, follower, opened, next);
  repair(check, follower);
  const compileErrors = check.compileErrors();
  if (compileErrors.length > 0) throw refusal(compileErrors, project, target, to);
  const { conflicts } = follower.flow;
  if (conflicts.length > 0) {
    const what = `with ${target.label} called ${JSON.stringify(to)} the project would do something else`;
    throw new Refusal(what, shown(conflicts));
  }
  const { files } = follower;
  const all = [...new Set(next.renamed.map(({ from }) => from))];
  const out = project.generatedPath("").slice(0, -1);
  const unfollowed = listed([
    ...computed,
    ...follower.flow.untyped,
    ...untyped(follower, (path) => files.get(path)?.before ?? project.source(path).text),
    ...beside(project, out, { all, member: follower.name?.from }),
  ]);
  return {
    target,
    to,
    uses: follower.uses,
    sources: [
      sourceWrite(opened.spec, opened.loaded.source.text, next.text),
      ...[...files].map(([path, { before, after }]) => sourceWrite(path, before, after)),
    ],
    generated: next.plan.changes.map(({ file, change }) => ({
      path: project.generatedPath(file),
      after: change === "left over" ? undefined : next.plan.files.get(file)!,
    })),
    hash: { before: opened.plan.model.hash, after: next.plan.model.hash },
    unfollowed: unfollowed.places,
    more: unfollowed.more,
  };
}

/** As it is on disk: a byte order mark stays. Throws Refusal for what is not what was compiled. */
function sourceWrite(
  path: string,
  before: string,
  after: string,
): FileWrite & { readonly before: string; readonly after: string } {
  const disk = readFileSync(path, "utf8");
  const mark = disk.startsWith("\uFEFF") ? "\uFEFF" : "";
  if (disk !== mark + before) throw new Refusal(`${path} is not UTF-8, or was changed meanwhile`);
  return { path, before: disk, after: mark + after };
}

/** The errors of the compiler that the project did not have before the rename. */
class Check {
  readonly #project: UserProject;
  readonly #follower: Follower;
  readonly #opened: OpenedSpec;
  readonly #next: RenamedSpec;
  /** By file that was asked for: `offset code` of the text before. */
  readonly #before = new Map<string, ReadonlySet<string>>();

  constructor(project: UserProject, follower: Follower, opened: OpenedSpec, next: RenamedSpec) {
    this.#project = project;
    this.#follower = follower;
    this.#opened = opened;
    this.#next = next;
  }

  compileErrors(paths: Iterable<string> = this.#all()): CompileError[] {
    const found = [...paths].flatMap((path) => this.#project.compileErrors(path));
    if (found.length === 0) return [];
    this.#learn(new Set(found.map(({ file }) => file)));
    return found.filter(({ file, start, code }) => {
      const edits = this.#follower.edits(file);
      return ![...this.#before.get(file)!].some((key) => {
        const [offset, was] = key.split(" ").map(Number);
        return was === code && movedBy(edits, offset!) === start;
      });
    });
  }

  /** Files that may have new errors. */
  #all(): string[] {
    return dependents(this.#project, new Set(this.#follower.files.keys()));
  }

  /** Finds out which errors these files had before. */
  #learn(paths: ReadonlySet<string>): void {
    const missing = [...paths].filter((path) => !this.#before.has(path));
    if (missing.length === 0) return;
    const project = this.#project;
    const { files } = this.#follower;
    project.setGenerated(this.#opened.plan.files);
    for (const [path, { before }] of files) project.setText(path, before);
    for (const path of missing) {
      const keys = project.compileErrors(path).map(({ start, code }) => `${start} ${code}`);
      this.#before.set(path, new Set(keys));
    }
    project.setGenerated(this.#next.plan.files);
    for (const [path, { after }] of files) project.setText(path, after);
  }
}

/** Tries names whose type was inferred, those in files that do not compile first. */
function repair(check: Check, follower: Follower): void {
  let open = check.compileErrors();
  let attempts = 0;
  while (open.length > 0) {
    const wrong = new Set(open.map(({ file }) => file));
    const rank = ({ path }: Candidate) => (wrong.has(path) ? 0 : 1);
    const candidates = follower.candidates
      .filter(({ had }) => had === undefined)
      .sort((a, b) => rank(a) - rank(b));
    const better = candidates.some((candidate) => {
      if (attempts++ >= MAX_ATTEMPTS) return false;
      const before = new Map([...follower.files].map(([path, { after }]) => [path, after]));
      const undo = follower.attempt(candidate);
      const touched = [...follower.files].flatMap(([path, { after }]) =>
        before.get(path) === after ? [] : [path],
      );
      const left = check.compileErrors(new Set([...wrong, ...touched]));
      if (left.length < open.length) {
        open = left;
        return true;
      }
      undo();
      return false;
    });
    if (!better) return;
  }
}

function refusal(
  compileErrors: readonly CompileError[],
  project: UserProject,
  target: Target,
  to: string,
): Refusal {
  const places = compileErrors.map(({ file, start, message }) =>
    placeOf(project.source(file), start, message),
  );
  return new Refusal(
    `with ${target.label} called ${JSON.stringify(to)} the project would no longer compile`,
    shown(places),
  );
}

function shown(places: readonly Place[]): string[] {
  const lines = places
    .slice(0, MAX_SHOWN)
    .map(({ path, line, column, what }) => `${path}:${line}:${column} ${what}`);
  const more = places.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}
