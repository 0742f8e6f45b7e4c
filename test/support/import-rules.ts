/**
 * Who may import whom, that no files import each other in a circle, and the style rules: functions over files that are
 * handed in (path and text), so that they can be tried on planted violations. The tables are the rules;
 * docs/architecture.md gives the reasons. Not here: reading the tree (import-rules.test.ts).
 */
import { posix } from "node:path";
import ts from "typescript";

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

interface ModuleRule {
  /** Modules it may import; `self` is always allowed. */
  readonly imports: readonly string[];
  /** Modules it may import types from, and nothing that is there at run time. */
  readonly types?: readonly string[];
  /** Packages and Node's modules it may import: exact names, or with a trailing `*`. */
  readonly packages: readonly string[];
  /** Sans-IO: no clock, no timer, no random source, nothing of Node's. */
  readonly pure?: boolean;
}

/** What everybody in src may import: bounds, errors, counters and the contracts. */
const BASE = [
  "base",
  "contract",
  "stats",
  "clock",
  "negotiated-version",
  "message",
  "budget-shares",
];
const BELOW_PORT = ["wire", "session", "zero", "connection", "udp", "trace"];
/** The entry points, for the types of their options and results. */
const FACES = ["server", "client", "systems", "tokens"];

/** What the generator stands on, and all of it. */
const BELOW_CODEGEN = ["codegen/reading", "codegen/print", "codegen/bytes", "codegen/kinds"];
const CODEGEN = [...BELOW_CODEGEN, "codegen"];

/** The import rules. One line a module, lower modules first. */
export const modules: Readonly<Record<string, ModuleRule>> = {
  base: { imports: [], types: ["wire"], packages: [], pure: true },
  contract: { imports: ["base"], types: ["wire"], packages: [], pure: true },
  clock: { imports: ["base"], packages: [], pure: true },
  diagnostics: { imports: ["base", "contract"], packages: ["node:diagnostics_channel"] },
  "connection-trace": { imports: [...BASE, "endpoint", "trace"], packages: [] },
  metrics: { imports: ["base", "stats"], packages: [] },
  stats: { imports: ["base"], packages: [], pure: true },
  "budget-shares": { imports: ["base"], packages: [], pure: true },
  "negotiated-version": { imports: ["base", "contract"], packages: [], pure: true },
  message: { imports: [], types: ["contract"], packages: [], pure: true },
  "system-messages": { imports: [...BASE, "wire", "endpoint"], packages: [], pure: true },
  groups: { imports: ["base", "contract", "endpoint"], packages: [], pure: true },
  wire: { imports: BASE, packages: [], pure: true },
  session: { imports: [...BASE, "wire"], types: ["trace"], packages: [], pure: true },
  trace: { imports: [...BASE, "wire"], types: ["session"], packages: [], pure: true },
  zero: { imports: [...BASE, "wire"], packages: [], pure: true },
  connection: { imports: [...BASE, "wire", "session"], packages: [], pure: true },
  compression: { imports: [...BASE, "wire"], packages: ["node:zlib"] },
  udp: { imports: [...BASE, "wire"], types: ["zero", "session"], packages: ["node:*"] },
  endpoint: { imports: BASE, types: ["wire"], packages: ["node:*"] },
  dispatcher: { imports: [...BASE, "session", "endpoint"], packages: ["node:*"] },
  exchange: { imports: [...BASE, "endpoint", "dispatcher"], packages: [] },
  port: {
    imports: [
      ...BASE,
      ...BELOW_PORT,
      "endpoint",
      "exchange",
      "groups",
      "system-messages",
      "diagnostics",
    ],
    types: ["systems"],
    packages: ["node:*"],
  },
  pool: {
    imports: [...BASE, ...BELOW_PORT, "system-messages", "diagnostics", "port"],
    packages: ["node:*"],
  },
  server: {
    imports: [
      ...BASE,
      ...BELOW_PORT,
      "endpoint",
      "groups",
      "system-messages",
      "dispatcher",
      "exchange",
      "diagnostics",
      "connection-trace",
      "port",
      "pool",
    ],
    packages: ["node:*"],
  },
  client: {
    imports: [
      ...BASE,
      ...BELOW_PORT,
      "endpoint",
      "dispatcher",
      "exchange",
      "diagnostics",
      "connection-trace",
    ],
    packages: ["node:*"],
  },
  systems: { imports: BASE, types: ["groups"], packages: [] },
  native: { imports: ["udp"], packages: [] },
  tokens: { imports: [...BASE, "zero", "udp", "endpoint"], packages: [] },
  // The server's side of the dashboard: it asks a server as its user does. Of session and zero only the words of counters.
  "dashboard-server": {
    imports: [...BASE, "session", "zero", "endpoint", "connection-trace"],
    packages: ["node:*"],
  },
  // Its page, for browsers: only types of what it is told, and bounds.
  dashboard: { imports: ["dashboard-server"], packages: ["uplot*"] },
  index: {
    imports: [...BASE, ...FACES],
    types: ["wire", "session", "udp", "groups", "diagnostics", "connection-trace"],
    packages: [],
  },
  testing: {
    imports: [...BASE, ...BELOW_PORT, "port", "pool", ...FACES, "index"],
    packages: ["node:*"],
  },
  // How a spec is read, before anybody knows what stands in it: some files of codegen/spec.
  "codegen/reading": { imports: [], packages: [], pure: true },
  "codegen/print": { imports: ["codegen/reading"], packages: [], pure: true },
  "codegen/bytes": { imports: [], packages: [], pure: true },
  "codegen/kinds": {
    imports: ["codegen/reading", "codegen/print", "codegen/bytes"],
    packages: [],
    pure: true,
  },
  // ts-morph only for the TypeScript it bundles: `--target js` (emit/javascript.ts).
  codegen: { imports: BELOW_CODEGEN, packages: ["node:*", "yaml", "ajv*", "ts-morph"] },
  // Follows names through users' code: the compiler is loaded by the commands that need it, and by nothing else.
  refactor: { imports: CODEGEN, packages: ["node:*", "ts-morph"] },
  cli: {
    imports: [
      ...BASE,
      ...BELOW_PORT,
      "port",
      "pool",
      ...FACES,
      "index",
      "testing",
      "dashboard-server",
      ...CODEGEN,
      "refactor",
    ],
    packages: ["node:*", "yaml", "ajv*", "stardust-udp*"],
  },
  generated: { imports: [], packages: ["stardust-udp*"] },
  // Commands of their own: they read a command line as the others do.
  demo: { imports: ["generated"], packages: ["node:*", "stardust-udp*", "#cli/usage.js"] },
  fuzz: {
    imports: [],
    packages: [
      "node:*",
      "stardust-udp*",
      "#src*",
      "#cli/usage.js",
      "#codegen/kinds*",
      "fast-check",
      "typescript",
    ],
  },
  simulate: { imports: [], packages: ["node:*", "stardust-udp*", "#src*", "#cli/usage.js"] },
  soak: { imports: [], packages: ["node:*", "stardust-udp*", "#cli/usage.js"] },
};

/** Files that are modules of their own, or share one. */
const rootFiles: Readonly<Record<string, string>> = {
  "src/errors.ts": "base",
  "src/budget-shares.ts": "budget-shares",
  "src/limits.ts": "base",
  "src/port-limits.ts": "base",
  "src/counters.ts": "base",
  "src/histogram.ts": "base",
  "src/clock.ts": "clock",
  "src/ticks.ts": "clock",
  "src/diagnostics.ts": "diagnostics",
  "src/connection-trace.ts": "connection-trace",
  "src/stats.ts": "stats",
  "src/metrics.ts": "metrics",
  "src/native.ts": "native",
  "src/protocol.ts": "contract",
  "src/negotiated-version.ts": "negotiated-version",
  "src/connection-contract.ts": "contract",
  "src/received-message.ts": "message",
  "src/face.ts": "contract",
  "src/groups.ts": "groups",
  "src/system-messages.ts": "system-messages",
  "src/server-systems.ts": "server",
  "src/server-stats.ts": "server",
  "src/arbitrary.ts": "contract",
  "src/compression.ts": "compression",
  "src/server-key.ts": "contract",
  "src/traffic-secrets.ts": "base",
  "src/server-identity.ts": "server",
  "src/server-peer.ts": "server",
  "src/token-text.ts": "contract",
  "src/tokens.ts": "tokens",
  "src/connect-token.ts": "client",
  "src/listen-tokens.ts": "server",
  "src/endpoint.ts": "endpoint",
  "src/abort.ts": "endpoint",
  "src/options.ts": "endpoint",
  "src/dispatcher.ts": "dispatcher",
  "src/held-messages.ts": "dispatcher",
  "src/held-queue.ts": "dispatcher",
  "src/fifo.ts": "dispatcher",
  "src/message-iterator.ts": "dispatcher",
  "src/notices.ts": "dispatcher",
  "src/listeners.ts": "dispatcher",
  "src/exchange.ts": "exchange",
  "src/exchanges.ts": "exchange",
  "src/responders.ts": "exchange",
  "src/server.ts": "server",
  "src/server-api.ts": "server",
  "src/running-server.ts": "server",
  "src/listen-options.ts": "server",
  "src/client.ts": "client",
  "src/client-api.ts": "client",
  "src/client-link.ts": "client",
  "src/client-socket.ts": "client",
  "src/running-client.ts": "client",
  "src/connect-errors.ts": "client",
  "src/connect-first.ts": "client",
  "src/connect-options.ts": "client",
  "src/reconnect-options.ts": "client",
  "src/systems.ts": "systems",
  "src/index.ts": "index",
  "codegen/spec/bounds.ts": "codegen/reading",
  "codegen/spec/diagnostics.ts": "codegen/reading",
  "codegen/spec/distance.ts": "codegen/reading",
  "codegen/spec/documentation.ts": "codegen/reading",
  "codegen/spec/fields.ts": "codegen/reading",
  "codegen/spec/names.ts": "codegen/reading",
  "codegen/spec/node.ts": "codegen/reading",
  "codegen/spec/schema-parts.ts": "codegen/reading",
  "codegen/spec/source.ts": "codegen/reading",
  "codegen/spec/unsupported.ts": "codegen/reading",
};

/** Folders inside a module that are modules of their own. */
const innerFolders: Readonly<Record<string, string>> = {
  "src/dashboard": "dashboard-server",
  "cli/refactor": "refactor",
  "codegen/print": "codegen/print",
  "codegen/bytes": "codegen/bytes",
  "codegen/kinds": "codegen/kinds",
};

/** `base` cannot import itself in circles, the files of `contract` do not know each other: no self imports. */
const withoutSelfImports: ReadonlySet<string> = new Set(["base", "contract"]);

/** The module of a file, or undefined for a file that nobody gave one. */
export function moduleOf(path: string): string | undefined {
  const file = rootFiles[path];
  if (file !== undefined) return file;
  const [top, second, third] = path.split("/");
  const inner = third === undefined ? undefined : innerFolders[`${top}/${second}`];
  if (inner !== undefined) return inner;
  const name = top === "src" ? (third === undefined ? undefined : second) : top;
  return name !== undefined && Object.hasOwn(modules, name) && !withoutSelfImports.has(name)
    ? name
    : undefined;
}

/** Globals that a pure module may not name: time, chance, input and output come from outside. */
const impureGlobals: ReadonlySet<string> = new Set(
  (
    "Buffer process global globalThis require console fetch performance crypto Date setTimeout setInterval " +
    "setImmediate clearTimeout clearInterval clearImmediate queueMicrotask SharedArrayBuffer Atomics"
  ).split(" "),
);

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** What one file imports or names against the rules; empty is good. Each line begins with `path:line`. */
export function checkImports(file: SourceFile): string[] {
  const name = moduleOf(file.path);
  if (name === undefined)
    return [`${file.path}:1 is in no module: give it one in test/support/import-rules.ts`];
  const module = modules[name]!;
  const problems: string[] = [];
  const { imports, globals, declared } = namesIn(file);
  for (const found of imports) {
    const problem = checkImport(file.path, name, module, found);
    if (problem !== undefined) problems.push(`${file.path}:${found.line} ${problem}`);
  }
  if (module.pure) {
    for (const found of globals) {
      if (declared.has(found.name)) continue;
      problems.push(`${file.path}:${found.line} ${name} may not use ${found.name}`);
    }
  }
  return problems;
}

interface FileNames {
  readonly imports: readonly Import[];
  /** Impure globals, wherever they are named. */
  readonly globals: readonly { readonly name: string; readonly line: number }[];
  /** Names of the file's own, which hide globals. */
  readonly declared: ReadonlySet<string>;
}

function namesIn(file: SourceFile): FileNames {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
  const imports: Import[] = [];
  const globals: { name: string; line: number }[] = [];
  const declared = new Set<string>();
  walk(source, source, imports, globals, declared);
  return { imports, globals, declared };
}

/** The path of the file that a relative specifier means. */
function targetOf(path: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(path), specifier));
}

function checkImport(
  path: string,
  name: string,
  module: ModuleRule,
  found: Import,
): string | undefined {
  const { specifier, typeOnly } = found;
  if (!specifier.startsWith(".")) {
    if (module.packages.some((allowed) => matches(allowed, specifier))) return undefined;
    return `${name} may not import ${specifier}`;
  }
  const target = targetOf(path, specifier);
  if (!target.endsWith(".ts") && !target.endsWith(".json"))
    return `${specifier} does not end in .ts`;
  const other = moduleOf(target);
  if (other === undefined) return `${specifier} is in no module`;
  if (other === name && !withoutSelfImports.has(name)) return undefined;
  if (module.imports.includes(other)) return undefined;
  if (module.types?.includes(other)) {
    return typeOnly ? undefined : `${name} may import only types from ${other} (${specifier})`;
  }
  return `${name} may not import ${other} (${specifier})`;
}

function matches(allowed: string, specifier: string): boolean {
  if (!allowed.endsWith("*")) return specifier === allowed;
  const start = allowed.slice(0, -1);
  return specifier === start || specifier.startsWith(start.endsWith(":") ? start : `${start}/`);
}

function walk(
  node: ts.Node,
  source: ts.SourceFile,
  imports: Import[],
  globals: { name: string; line: number }[],
  declared: Set<string>,
): void {
  const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause;
    const named = clause?.namedBindings;
    const allTypes =
      clause?.name === undefined &&
      named !== undefined &&
      ts.isNamedImports(named) &&
      named.elements.every((element) => element.isTypeOnly);
    const typeOnly = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes;
    imports.push({ specifier: node.moduleSpecifier.text, typeOnly, line });
  } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    if (ts.isStringLiteral(node.moduleSpecifier)) {
      imports.push({ specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly, line });
    }
  } else if (ts.isImportTypeNode(node)) {
    if (ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
      imports.push({ specifier: node.argument.literal.text, typeOnly: true, line });
    }
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const argument = node.arguments[0];
    // A computed import (a user's module, a library that may be missing) is not for a table to judge.
    if (argument !== undefined && ts.isStringLiteralLike(argument)) {
      imports.push({ specifier: argument.text, typeOnly: false, line });
    }
  } else if (ts.isIdentifier(node)) {
    const parent = node.parent as ts.Node & { name?: ts.Node };
    if (ts.isParameter(parent) || ts.isVariableDeclaration(parent) || ts.isBindingElement(parent)) {
      if (parent.name === node) declared.add(node.text);
    }
    const isName = parent.name === node || (ts.isQualifiedName(parent) && parent.right === node);
    if (!isName && impureGlobals.has(node.text)) globals.push({ name: node.text, line });
  } else if (ts.isPropertyAccessExpression(node)) {
    if (ts.isIdentifier(node.expression) && node.expression.text === "Math") {
      if (node.name.text === "random") globals.push({ name: "Math.random", line });
    }
  }
  ts.forEachChild(node, (child) => walk(child, source, imports, globals, declared));
}

/**
 * Files that import each other in a circle, whatever the form of the import: of a type, a re-export, `import()`. One
 * line for each group of files that hang together so, with a shortest circle of it; empty is good.
 */
export function findCircles(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map(({ path }) => path));
  const targets = new Map<string, string[]>();
  for (const file of files) {
    const found = namesIn(file).imports.filter(({ specifier }) => specifier.startsWith("."));
    const paths = found.map(({ specifier }) => targetOf(file.path, specifier));
    targets.set(file.path, [...new Set(paths)].filter((path) => known.has(path)).sort());
  }
  const circles: string[] = [];
  const told = new Set<string>();
  for (const path of [...known].sort()) {
    if (told.has(path)) continue;
    const circle = shortestCircle(path, targets);
    if (circle === undefined) continue;
    circles.push(circle.join(" -> "));
    // Of a group that hangs together one circle is told: the others may be gone with it.
    for (const member of reachable(path, targets)) {
      if (reachable(member, targets).has(path)) told.add(member);
    }
  }
  return circles;
}

/** All that a file leads to, itself only where a circle comes back to it. */
function reachable(
  path: string,
  targets: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const seen = new Set(targets.get(path));
  // What is added while the set is walked is walked too.
  for (const one of seen) for (const next of targets.get(one)!) seen.add(next);
  return seen;
}

/** From a file back to itself by as few imports as it takes; undefined where nothing leads back. */
function shortestCircle(
  start: string,
  targets: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of targets.get(way.at(-1)!)!) {
      if (next === start) return [...way, start];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

/** Files longer than this hide something that wants a file of its own. */
export const MAX_FILE_LINES = 600;

/** The style rules that need no parser. `opening`: the file must open with a comment. */
export function checkStyle(file: SourceFile, opening: boolean): string[] {
  const problems: string[] = [];
  const lines = file.text.split("\n");
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  if (count > MAX_FILE_LINES) {
    problems.push(`${file.path}:${count} is longer than ${MAX_FILE_LINES} lines`);
  }
  if (opening && !/^(#!.*\n)?(\/[*/]|--)/.test(file.text)) {
    problems.push(`${file.path}:1 does not open with a comment that says what it is`);
  }
  lines.forEach((line, index) => {
    const at = `${file.path}:${index + 1}`;
    if (/\b(TODO|FIXME|XXX)\b/.test(line)) problems.push(`${at} has a note for later`);
    if (/\b(it|test|describe)\.only\b/.test(line)) problems.push(`${at} runs one test only`);
    // Decision 69 says why these two folders are left out.
    const mayBePrivate = /^src\/(session|wire)\//.test(file.path);
    if (/^\s*private (?!constructor\b)/.test(line) && !mayBePrivate) {
      problems.push(`${at} has a member that is private and not #private`);
    }
    // A reason is a comment on the line or on the one before.
    if (/\b(it|test|describe)\.(skip|todo|skipIf|runIf)\b/.test(line)) {
      if (!/\/[/*]/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(lines[index - 1] ?? "")) {
        problems.push(`${at} leaves a test out without saying why`);
      }
    }
  });
  return problems;
}
