/** What a spec says to people about a thing. */

export interface Documentation {
  readonly doc?: string;
  readonly why?: string;
  readonly unit?: string;
  readonly deprecated?: {
    readonly since?: number;
    readonly replacedBy?: string;
    readonly reason?: string;
  };
  /** Of the spec, 1-based; 0 for what the spec leaves to the generator's defaults. */
  readonly line: number;
}
