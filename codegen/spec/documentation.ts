/** What a spec says to people about a thing. */

/** Not to be used any more. */
export interface Deprecated {
  /** Version of the protocol. */
  readonly since?: number;
  readonly replacedBy?: string;
  readonly reason?: string;
}

export interface Documentation {
  readonly doc?: string;
  readonly why?: string;
  readonly unit?: string;
  readonly deprecated?: Deprecated;
  /** Of the spec, 1-based; 0 for what the spec leaves to the generator's defaults. */
  readonly line: number;
}
