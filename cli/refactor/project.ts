/**
 * A user's TypeScript project in memory: the files of its tsconfig with generated code put in their place, whatever is
 * on disk, its language service, and the compiler's errors. Nothing is written. Worst case: the compiler reads the
 * whole project once, and what depends on a changed file again.
 */
import { createHash } from "node:crypto";
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { Project, ts } from "ts-morph";
import { Refusal } from "./refusal.ts";

/** An error of the compiler in a file. */
export interface CompileError {
  readonly file: string;
  readonly start: number;
  readonly code: number;
  readonly message: string;
}

/** The tsconfig that `named` is or has, or else the next one from the spec's folder upwards. Throws Refusal. */
export function findConfig(spec: string, named: string | undefined): string {
  if (named !== undefined) {
    const stat = statSync(named, { throwIfNoEntry: false });
    const path = stat?.isDirectory() ? join(named, "tsconfig.json") : named;
    if (existsSync(path)) return resolve(path);
    throw new Refusal(`there is no ${path}`);
  }
  for (let folder = resolve(dirname(spec)); ; folder = dirname(folder)) {
    const path = join(folder, "tsconfig.json");
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) break;
  }
  throw new Refusal(
    `there is no tsconfig.json from ${dirname(spec)} upwards: name one with --project`,
  );
}

/** Where ts-morph has the compiler's own declarations, which are on no disk. */
const LIBRARY = "/node_modules/typescript/lib";

/** Files as they were parsed, by their text: declarations of packages are those of every project. */
const documents = ts.createDocumentRegistry();

export class UserProject {
  /** Of the tsconfig. */
  readonly folder: string;
  readonly service: ts.LanguageService;
  readonly #out: string;
  readonly #roots = new Set<string>();
  /** Texts that stand for what is on disk. */
  readonly #texts = new Map<string, Text>();
  /** What was read from it: a project is that of one moment. */
  readonly #read = new Map<string, Text | undefined>();
  readonly #options: ts.CompilerOptions;

  /** `out` is the output folder. Throws Refusal for a tsconfig that cannot be read. */
  constructor(config: string, out: string) {
    const path = realPath(config);
    this.folder = dirname(path);
    this.#out = realPath(out);
    const read = readConfig(path);
    for (const file of read.files)
      if (this.generatedName(file) === undefined) this.#roots.add(file);
    this.#options = {
      ...read.options,
      // Diagnostics are asked for; nothing is written.
      noEmit: true,
      composite: false,
      incremental: false,
    };
    this.service = ts.createLanguageService(this.#host(), documents);
  }

  #host(): ts.LanguageServiceHost {
    const library = new Project({ compilerOptions: {} }).getModuleResolutionHost();
    const load = (path: string): Text | undefined => {
      const known = this.#texts.get(path);
      if (known !== undefined || this.#read.has(path)) return known ?? this.#read.get(path);
      const ours = path.startsWith(`${LIBRARY}/`);
      const text = ours ? library.readFile(path) : ts.sys.readFile(path);
      const made = text === undefined ? undefined : versioned(text);
      this.#read.set(path, made);
      return made;
    };
    const { directoryExists, getDirectories, readDirectory, realpath } = ts.sys;
    return {
      getCompilationSettings: () => this.#options,
      getCurrentDirectory: () => this.folder,
      getDefaultLibFileName: (options) => `${LIBRARY}/${ts.getDefaultLibFileName(options)}`,
      getScriptFileNames: () => [...this.#roots],
      getScriptVersion: (path) => load(path)?.version ?? "",
      getScriptSnapshot: (path) => {
        const text = load(path)?.text;
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      readFile: (path) => load(path)?.text,
      fileExists: (path) =>
        this.#texts.has(path) ||
        (path.startsWith(`${LIBRARY}/`) ? library.fileExists(path) : ts.sys.fileExists(path)),
      directoryExists: (path) => path === this.#out || directoryExists(path),
      getDirectories,
      readDirectory,
      ...(realpath === undefined ? {} : { realpath }),
    };
  }

  /** Puts generated code in its place; only TypeScript is looked at. */
  setGenerated(files: ReadonlyMap<string, string>): void {
    for (const [file, text] of files) {
      if (!file.endsWith(".ts")) continue;
      this.#roots.add(this.generatedPath(file));
      this.setText(this.generatedPath(file), text);
    }
  }

  generatedPath(file: string): string {
    return `${this.#out}/${file}`;
  }

  /** The name in the output folder of a file there, else undefined. */
  generatedName(path: string): string | undefined {
    return path.startsWith(`${this.#out}/`) ? path.slice(this.#out.length + 1) : undefined;
  }

  setText(path: string, text: string): void {
    if (this.#texts.get(path)?.text !== text) this.#texts.set(path, versioned(text));
  }

  get program(): ts.Program {
    return this.service.getProgram()!;
  }

  source(path: string): ts.SourceFile {
    return this.program.getSourceFile(path)!;
  }

  /** The user's own files that are compiled: neither generated nor of a package. */
  ownFiles(): ts.SourceFile[] {
    const { program } = this;
    return program
      .getSourceFiles()
      .filter(
        (file) => this.isOwn(file.fileName) && !program.isSourceFileFromExternalLibrary(file),
      );
  }

  isOwn(path: string): boolean {
    return (
      this.generatedName(path) === undefined &&
      !/\/node_modules\//.test(path) &&
      !/\.d\.[cm]?ts$/.test(path) &&
      !path.endsWith(".json")
    );
  }

  /** The compiler's errors in one file. */
  compileErrors(path: string): CompileError[] {
    const { service } = this;
    const all = [...service.getSyntacticDiagnostics(path), ...service.getSemanticDiagnostics(path)];
    return all
      .filter(({ category }) => category === ts.DiagnosticCategory.Error)
      .map(({ start, code, messageText }) => ({
        file: path,
        start: start ?? 0,
        code,
        message: ts.flattenDiagnosticMessageText(messageText, "\n").split("\n")[0]!,
      }));
  }
}

interface Text {
  readonly text: string;
  /** The same for the same text, whatever project it is in. */
  readonly version: string;
}

function versioned(text: string): Text {
  return { text, version: createHash("sha256").update(text).digest("base64") };
}

interface Config {
  readonly options: ts.CompilerOptions;
  readonly files: ReadonlySet<string>;
}

/** The files of a tsconfig and of all that it refers to; the options of the first that has files. */
function readConfig(config: string): Config {
  let options: ts.CompilerOptions | undefined;
  const files = new Set<string>();
  const configs = new Set([config]);
  // What is added while the set is walked is walked too.
  for (const path of configs) {
    const read = ts.getParsedCommandLineOfConfigFile(path, {}, {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
        const reason = ts.flattenDiagnosticMessageText(messageText, " ");
        throw new Refusal(`${path} cannot be read: ${reason}`);
      },
    } as ts.ParseConfigFileHost);
    // That there are no files is no fault where there are references.
    const wrong = read?.errors.find(({ code }) => code !== NO_INPUTS && code !== EMPTY_FILES);
    if (read === undefined || wrong !== undefined) {
      const reason = wrong && ts.flattenDiagnosticMessageText(wrong.messageText, " ");
      throw new Refusal(`${path} cannot be read${reason === undefined ? "" : `: ${reason}`}`);
    }
    for (const file of read.fileNames) files.add(file);
    if (read.fileNames.length > 0) options ??= read.options;
    for (const reference of read.projectReferences ?? []) {
      const target = ts.resolveProjectReferencePath(reference);
      if (existsSync(target)) configs.add(target);
    }
  }
  if (options === undefined) throw new Refusal(`${config} has no files`);
  return { options, files };
}

const NO_INPUTS = 18003;
const EMPTY_FILES = 18002;

/** As the compiler names it: links followed, with `/`. What is not there yet is named by the folder it will be in. */
function realPath(folder: string): string {
  const full = resolve(folder);
  if (existsSync(full)) return realpathSync(full).split(sep).join("/");
  const parent = dirname(full);
  const name = full.slice(parent.length).split(sep).join("");
  return parent === full ? full : `${realPath(parent)}/${name}`;
}
