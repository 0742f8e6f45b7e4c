/** What a lint rule is: what it is given, what it finds, and its row. The rules are the rows of lint-table.ts. */
import type { Model } from "../model/model.ts";
import type { SpecAst } from "../spec/ast.ts";
import type { Severity } from "../spec/diagnostics.ts";
import type { MapNode } from "../spec/node.ts";
import type { Source } from "../spec/source.ts";

/** What a rule looks at. */
export interface LintContext {
  readonly model: Model;
  readonly spec: SpecAst;
  /** The spec as it is written: tells what is stated from what is left to a default. */
  readonly root: MapNode;
  readonly source: Source;
}

/** One place where a rule is broken. */
export interface Finding {
  /** 1-based. */
  readonly line: number;
  /** The word on that line that is underlined; the first of the line where it is not there. */
  readonly word: string;
  readonly message: string;
  readonly help?: string;
}

/** A row of the table; `bad` and `good` are sections of a spec, for its test and for `stardust explain`. */
export interface LintRule {
  readonly severity: Severity;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
  readonly bad: string;
  readonly good: string;
  check(context: LintContext): Iterable<Finding>;
}
