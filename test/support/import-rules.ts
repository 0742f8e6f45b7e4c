/**
 * The walls between the rooms and the house rules, as functions over files that are handed in (path and text), so
 * that they can be tried on planted violations. The tables are the rules; docs/architecture.md gives the reasons.
 * Not here: reading the tree (walls.test.ts).
 */
import { posix } from "node:path";
import ts from "typescript";

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

interface Room {
  /** Rooms it may import; `self` is always allowed. */
  readonly imports: readonly string[];
  /** Rooms it may import types from, and nothing that is there at run time. */
  readonly types?: readonly string[];
  /** Packages and Node's modules it may import: exact names, or with a trailing `*`. */
  readonly packages: readonly string[];
  /** Sans-IO: no clock, no timer, no random source, nothing of Node's. */
  readonly pure?: boolean;
}

/** What everybody in src may import: bounds, errors, counters and the contracts. */
const BASE = ["base", "contract", "agreement"];
const BELOW_PEER = ["wire", "session", "zero"];
const BELOW_PORT = [...BELOW_PEER, "peer", "connection", "udp"];
/** The entry points, for the types of their options and results. */
const FACES = ["server", "client", "systems"];

/** The walls. One line a room, lower rooms first. */
export const rooms: Readonly<Record<string, Room>> = {
  base: { imports: [], types: ["wire"], packages: [], pure: true },
  contract: { imports: ["base"], types: ["wire"], packages: [], pure: true },
  agreement: { imports: ["base", "contract"], packages: [], pure: true },
  wire: { imports: BASE, packages: [], pure: true },
  session: { imports: [...BASE, "wire"], packages: [], pure: true },
  zero: { imports: [...BASE, "wire"], packages: [], pure: true },
  connection: { imports: [...BASE, "wire", "session"], packages: [], pure: true },
  peer: { imports: [...BASE, ...BELOW_PEER], packages: ["node:*"] },
  udp: { imports: [...BASE, "wire"], types: ["zero"], packages: ["node:*"] },
  endpoint: { imports: BASE, packages: ["node:*"] },
  port: { imports: [...BASE, ...BELOW_PORT, "endpoint"], types: ["systems"], packages: ["node:*"] },
  pool: { imports: [...BASE, ...BELOW_PORT, "port"], packages: ["node:*"] },
  server: { imports: [...BASE, ...BELOW_PORT, "endpoint", "port", "pool"], packages: ["node:*"] },
  client: { imports: [...BASE, ...BELOW_PORT, "endpoint"], packages: ["node:*"] },
  systems: { imports: BASE, packages: [] },
  index: { imports: [...BASE, ...FACES], types: ["wire", "udp"], packages: [] },
  testing: {
    imports: [...BASE, ...BELOW_PORT, "port", "pool", ...FACES, "index"],
    packages: ["node:*"],
  },
  // ts-morph only for the TypeScript it bundles: `--target js` (emit/javascript.ts).
  codegen: { imports: [], packages: ["node:*", "yaml", "ajv*", "ts-morph"] },
  cli: {
    imports: [...BASE, ...BELOW_PORT, "port", "pool", ...FACES, "index", "testing", "codegen"],
    packages: ["node:*", "yaml", "ajv*", "stardust-udp*"],
  },
  generated: { imports: [], packages: ["stardust-udp*"] },
  demo: { imports: ["generated"], packages: ["node:*", "stardust-udp*"] },
  fuzz: { imports: [], packages: ["node:*", "stardust-udp*", "#src*", "fast-check", "typescript"] },
};

/** Files that are rooms of their own, or share one. */
const rootFiles: Readonly<Record<string, string>> = {
  "src/errors.ts": "base",
  "src/limits.ts": "base",
  "src/counters.ts": "base",
  "src/protocol.ts": "contract",
  "src/agreement.ts": "agreement",
  "src/connection-contract.ts": "contract",
  "src/face.ts": "contract",
  "src/arbitrary.ts": "contract",
  "src/peer.ts": "peer",
  "src/endpoint.ts": "endpoint",
  "src/hub.ts": "endpoint",
  "src/server.ts": "server",
  "src/client.ts": "client",
  "src/connect-errors.ts": "client",
  "src/systems.ts": "systems",
  "src/index.ts": "index",
};

/** `base` cannot import itself in circles, the files of `contract` do not know each other: no self imports. */
const loners: ReadonlySet<string> = new Set(["base", "contract"]);

/** The room of a file, or undefined for a file that nobody gave one. */
export function roomOf(path: string): string | undefined {
  const file = rootFiles[path];
  if (file !== undefined) return file;
  const [top, second, third] = path.split("/");
  const name = top === "src" ? (third === undefined ? undefined : second) : top;
  return name !== undefined && Object.hasOwn(rooms, name) && !loners.has(name) ? name : undefined;
}

/** Globals that a pure room may not name: time, chance, input and output come from outside. */
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

/** All that goes wrong in one file with the walls; empty is good. Each line begins with `path:line`. */
export function checkWalls(file: SourceFile): string[] {
  const name = roomOf(file.path);
  if (name === undefined)
    return [`${file.path}:1 is in no room: give it one in test/support/walls.ts`];
  const room = rooms[name]!;
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
  const problems: string[] = [];
  const imports: Import[] = [];
  const globals: { name: string; line: number }[] = [];
  const declared = new Set<string>();
  walk(source, source, imports, globals, declared);
  for (const found of imports) {
    const problem = checkImport(file.path, name, room, found);
    if (problem !== undefined) problems.push(`${file.path}:${found.line} ${problem}`);
  }
  if (room.pure) {
    for (const found of globals) {
      if (declared.has(found.name)) continue;
      problems.push(`${file.path}:${found.line} ${name} may not use ${found.name}`);
    }
  }
  return problems;
}

function checkImport(path: string, name: string, room: Room, found: Import): string | undefined {
  const { specifier, typeOnly } = found;
  if (!specifier.startsWith(".")) {
    if (room.packages.some((allowed) => matches(allowed, specifier))) return undefined;
    return `${name} may not import ${specifier}`;
  }
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (!target.endsWith(".ts") && !target.endsWith(".json"))
    return `${specifier} does not end in .ts`;
  const other = roomOf(target);
  if (other === undefined) return `${specifier} is in no room`;
  if (other === name && !loners.has(name)) return undefined;
  if (room.imports.includes(other)) return undefined;
  if (room.types?.includes(other)) {
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

/** Files longer than this hide something that wants a file of its own. */
export const MAX_FILE_LINES = 600;

/** The house rules that need no parser. `opening`: the file must open with a comment. */
export function checkHouse(file: SourceFile, opening: boolean): string[] {
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
    // A reason is a comment on the line or on the one before.
    if (/\b(it|test|describe)\.(skip|todo|skipIf|runIf)\b/.test(line)) {
      if (!/\/[/*]/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(lines[index - 1] ?? "")) {
        problems.push(`${at} leaves a test out without saying why`);
      }
    }
  });
  return problems;
}
