/**
 * From declarations of generated code that have another name to every token of a user's project that has to follow.
 * Three ways, one after the other: what the language service says refers to a declaration (calls, classes that implement
 * an interface, aliases, shorthand), literals of an inferred type that are used as what is renamed, and then whatever names something that its type has no longer under the old name
 * and has under the new one (texts of enums and unions, `Record`s over them, `keyof`, `switch`), again and again until
 * nothing is left to find. Whether the result compiles is not asked here. Worst case: as many rounds as MAX_ROUNDS,
 * each with one question to the compiler for each token that reads like the old name.
 */
import { ts } from "ts-morph";
import { type Container, containerOf, holds, isOfItself, literalOf } from "./containers.ts";
import type { GeneratedFiles, Renamed } from "./declarations.ts";
import { applyEdits, type Edit, movedBy } from "./edits.ts";
import { type Flow, flowOf, noFlow } from "./flow.ts";
import type { UserProject } from "./project.ts";
import { Refusal } from "./refusal.ts";
import {
  renamed as renamedToken,
  type Syntax,
  startOf,
  syntaxOf,
  type Token,
  tokenAt,
  tokensOf,
} from "./tokens.ts";

/** How deep names may hang on each other. */
const MAX_ROUNDS = 16;

/** A place of the user's code that has to follow. Offsets are those of the text before. */
export interface Use {
  readonly path: string;
  /** Where the name begins. */
  readonly at: number;
  readonly edit: Edit;
  readonly syntax: Syntax;
  /** What it refers to; missing where only its type tells. */
  readonly declaration?: Renamed;
}

/** A token that reads like the old name, and that nothing has claimed so far. */
export interface Candidate {
  readonly path: string;
  readonly at: number;
  readonly token: Token;
  /** Whether its container had the name before; undefined where nobody can say. */
  readonly had: boolean | undefined;
  /** Goes where there are no types: into `any`, or a parameter that takes the type of what it is given. */
  readonly untyped: boolean;
}

export class Follower {
  readonly #project: UserProject;
  readonly #renamed: readonly Renamed[];
  /** The one name of a property or text that changes; missing where only exports do. */
  readonly name: { readonly from: string; readonly to: string } | undefined;
  /** The user's files that are touched, as they were. */
  readonly #texts = new Map<string, string>();
  readonly #uses = new Map<string, Map<number, Use>>();
  #candidates: Candidate[] = [];
  #flow: Flow = noFlow;

  /** The project has the code of the old spec. */
  constructor(project: UserProject, renamed: readonly Renamed[]) {
    this.#project = project;
    this.#renamed = renamed;
    const member = renamed.find(({ role }) => role !== "export");
    this.name = member && { from: member.from, to: member.to };
  }

  /** What values do that are of no declared type where they are made. */
  get flow(): Flow {
    return this.#flow;
  }

  /** In order of file and place. */
  get uses(): Use[] {
    return [...this.#uses.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, uses]) => [...uses.values()].sort((a, b) => a.at - b.at));
  }

  /** What is left of them: unrelated, or not to be followed. */
  get candidates(): readonly Candidate[] {
    return this.#candidates.filter(({ path, at }) => !this.#uses.get(path)?.has(at));
  }

  /** The new text of each file that changes. */
  get files(): Map<string, { readonly before: string; readonly after: string }> {
    const files = new Map<string, { before: string; after: string }>();
    for (const path of [...this.#uses.keys()].sort()) {
      const before = this.#texts.get(path)!;
      files.set(path, { before, after: applyEdits(before, this.edits(path)) });
    }
    return files;
  }

  edits(path: string): Edit[] {
    return [...(this.#uses.get(path)?.values() ?? [])].map(({ edit }) => edit);
  }

  /** Finds all uses; from then on the project has the code of the new spec and the changed texts. */
  follow(after: GeneratedFiles): void {
    for (const one of this.#renamed) if (one.role !== "literal") this.#references(one);
    this.#collect();
    if (this.name !== undefined) {
      const remap = (): void => this.#project.setGenerated(after);
      this.#flow = flowOf(this.#project, this.#renamed, this.name, remap);
    }
    for (const { path, token, at } of this.#flow.follow) this.#take({ path, token, at });
    this.#project.setGenerated(after);
    for (const path of this.#uses.keys()) this.#show(path);
    this.settle();
  }

  /** What the language service says refers to a declaration. */
  #references(one: Renamed): void {
    const project = this.#project;
    const found = project.service.findRenameLocations(
      project.generatedPath(one.file),
      one.at,
      false,
      false,
      { providePrefixAndSuffixTextForRename: true },
    );
    for (const { fileName: path, textSpan, prefixText = "", suffixText = "" } of found ?? []) {
      // Generated code is made anew.
      if (project.generatedName(path) !== undefined) continue;
      const source = project.source(path);
      const token = tokenAt(source, textSpan.start);
      if (token === undefined) continue;
      if (!project.isOwn(path)) {
        throw new Refusal(
          `${one.from} is bound to a name in ${path}, which is not of this project`,
        );
      }
      const { start, length } = textSpan;
      const edit =
        one.role === "export"
          ? { start, end: start + length, text: prefixText + one.to + suffixText }
          : renamedToken(token, one.to);
      this.#add({ path, at: startOf(token), edit, syntax: syntaxOf(token), declaration: one });
    }
  }

  /** Every token that reads like the old name, with what it is looked up in. */
  #collect(): void {
    if (this.name === undefined) return;
    const { from } = this.name;
    const checker = this.#project.program.getTypeChecker();
    for (const source of this.#project.ownFiles()) {
      for (const token of tokensOf(source, from)) {
        const candidate = this.#candidate(token, source.fileName, checker);
        if (candidate === undefined) continue;
        this.#texts.set(source.fileName, source.text);
        this.#candidates.push(candidate);
      }
    }
  }

  #candidate(token: Token, path: string, checker: ts.TypeChecker): Candidate | undefined {
    const { from } = this.name!;
    const container = containerOf(token, checker);
    // A variable's name is its own; what no type is expected of has one that was inferred.
    if (container === undefined && ts.isIdentifier(token) && !literalOf(token)) return undefined;
    const own = container !== undefined && isOfItself(token, container, checker);
    const had = container && !own ? holds(container, from, checker) : undefined;
    const untyped = container !== undefined && had === undefined;
    return { path, at: startOf(token), token, had, untyped };
  }

  #add(use: Use): void {
    const { path } = use;
    const uses = this.#uses.get(path) ?? new Map<number, Use>();
    if (uses.has(use.at)) return;
    if (!this.#texts.has(path)) this.#texts.set(path, this.#project.source(path).text);
    this.#uses.set(path, uses.set(use.at, use));
  }

  /** Gives the project the text of a file as it is by now. */
  #show(path: string): void {
    this.#project.setText(path, applyEdits(this.#texts.get(path)!, this.edits(path)));
  }

  /** Renames what has its name no longer, until nothing is left of that. */
  settle(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const checker = this.#project.program.getTypeChecker();
      const moved = this.candidates.filter((one) => one.had === true && this.#lost(one, checker));
      if (moved.length === 0) return;
      for (const one of moved) this.#take(one);
      for (const path of new Set(moved.map(({ path }) => path))) this.#show(path);
    }
  }

  #lost(one: Candidate, checker: ts.TypeChecker): boolean {
    const container = this.containerNow(one, checker);
    if (container === undefined || this.name === undefined) return false;
    const { from, to } = this.name;
    return holds(container, from, checker) === false && holds(container, to, checker) === true;
  }

  /** What a token is looked up in by now. */
  containerNow({ path, at }: Candidate, checker: ts.TypeChecker): Container | undefined {
    const token = tokenAt(this.#project.source(path), movedBy(this.edits(path), at));
    return token && containerOf(token, checker);
  }

  #take({ path, at, token }: Pick<Candidate, "path" | "at" | "token">): void {
    this.#add({ path, at, edit: renamedToken(token, this.name!.to), syntax: syntaxOf(token) });
  }

  /** Takes a token for a use, with all that follows from it; the answer undoes it. */
  attempt(candidate: Candidate): () => void {
    const before = new Map([...this.#uses].map(([path, uses]) => [path, new Map(uses)]));
    this.#take(candidate);
    this.#show(candidate.path);
    this.settle();
    return () => {
      const paths = new Set([...this.#uses.keys()]);
      this.#uses.clear();
      for (const [path, uses] of before) this.#uses.set(path, uses);
      for (const path of paths) {
        if (before.get(path)?.size !== undefined || this.#texts.has(path)) this.#show(path);
      }
    };
  }
}
