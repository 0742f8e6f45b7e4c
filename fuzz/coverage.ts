/**
 * Which branches of generated decoders were reached: V8's precise block coverage over the functions that read, compared
 * with the branches in their text. Start it before the code is imported; what was compiled before is not counted.
 */
import { readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Functions of codecs.js and header.js that write, measure or describe; all others are reached from bytes. */
const writers = /^(size|encode|value|write|frameSize)/;

export interface Branch {
  readonly function: string;
  /** Line of the compiled file, from 1. */
  readonly line: number;
  readonly kind: string;
}

export interface Coverage {
  readonly branches: number;
  readonly reached: number;
  readonly missed: readonly Branch[];
}

interface Arm extends Branch {
  readonly at: number;
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

export class CoverageMeter {
  readonly #session: Session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  }

  /** Ends the measurement, so that what follows runs at full speed. */
  stop(files: readonly URL[]): Map<string, Coverage> {
    const byUrl = new Map<string, Range[][]>();
    this.#session.post("Profiler.takePreciseCoverage", (error, taken) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken.result) {
        byUrl.set(
          url,
          functions
            .filter((f) => f.isBlockCoverage || f.ranges[0]!.count === 0)
            .map((f) => f.ranges),
        );
      }
    });
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
    return new Map(files.map((file) => [file.href, coverageOf(file, byUrl.get(file.href) ?? [])]));
  }
}

function coverageOf(file: URL, functions: readonly Range[][]): Coverage {
  const arms = armsOf(readFileSync(fileURLToPath(file), "utf8"));
  const ranges = functions.flat();
  const missed = arms.filter(({ at }) => countAt(ranges, at) === 0);
  return {
    branches: arms.length,
    reached: arms.length - missed.length,
    missed: missed.map(({ at: _at, ...branch }) => branch),
  };
}

/** The count of the innermost range around an offset; 0 where nothing of the file has run. */
function countAt(ranges: readonly Range[], at: number): number {
  let best: Range | undefined;
  for (const range of ranges) {
    if (range.startOffset > at || range.endOffset <= at) continue;
    if (
      best === undefined ||
      range.endOffset - range.startOffset <= best.endOffset - best.startOffset
    ) {
      best = range;
    }
  }
  return best?.count ?? 0;
}

/** Every branch of the functions that read: their bodies, and what is chosen inside them. */
function armsOf(text: string): Arm[] {
  const source = ts.createSourceFile("x.js", text, ts.ScriptTarget.ES2023, true);
  const arms: Arm[] = [];
  const visit = (node: ts.Node, name: string): void => {
    let inside = name;
    if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) {
      inside = node.name === undefined ? "" : node.name.getText(source);
      if (writers.test(inside)) return;
      if (node.body !== undefined) add(node.body, "body", inside);
    } else if (name !== "") {
      for (const [arm, kind] of choices(node)) add(arm, kind, name);
    }
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  const add = (node: ts.Node, kind: string, name: string): void => {
    const at = node.getStart(source);
    const line = source.getLineAndCharacterOfPosition(at).line + 1;
    arms.push({ at, function: name, line, kind });
  };
  visit(source, "");
  return arms;
}

function choices(node: ts.Node): [ts.Node, string][] {
  if (ts.isIfStatement(node)) {
    const { thenStatement, elseStatement } = node;
    return elseStatement === undefined
      ? [[thenStatement, "if"]]
      : [
          [thenStatement, "if"],
          [elseStatement, "else"],
        ];
  }
  if (ts.isConditionalExpression(node)) {
    return [
      [node.whenTrue, "?"],
      [node.whenFalse, ":"],
    ];
  }
  if (ts.isCaseOrDefaultClause(node)) return [[node.statements[0] ?? node, "case"]];
  if (ts.isForStatement(node) || ts.isForOfStatement(node) || ts.isWhileStatement(node)) {
    return [[node.statement, "loop"]];
  }
  if (ts.isCatchClause(node)) return [[node.block.statements[0] ?? node.block, "catch"]];
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken) {
      return [[node.right, node.operatorToken.getText()]];
    }
  }
  return [];
}
