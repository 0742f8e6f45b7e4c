/** What `stardust explain` says about one code: the form of a row. The rows are explanations.ts and explanations-wire.ts. */
export interface Explanation {
  readonly means: string;
  readonly fix: string;
  /** Missing where no spec can show it. */
  readonly bad?: string;
  readonly good?: string;
  /** What the examples are; sections of a spec, if nothing is said. */
  readonly shows?: "header lines" | "command";
}
