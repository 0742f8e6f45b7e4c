/**
 * What the design has and the runtime does not have yet. A spec that asks for a row's feature gets the row's
 * diagnostic; removing the row is what switches the feature on in the front end (what the model and the emitters need
 * besides is theirs). Codes are never used again; SD1901 to SD1908 were of features that are there now.
 */

export interface Unsupported {
  readonly code: string;
  /** Subject of "… is not yet supported". */
  readonly what: string;
  /** What to write meanwhile. */
  readonly instead?: string;
}

/** Every key under which the front end asks. Those of `unsupported` that are gone are supported. */
export type UnsupportedFeature = "zero-own-message" | "zero-other-body";

export const unsupported: { readonly [feature in UnsupportedFeature]?: Unsupported } = {
  "zero-own-message": {
    code: "SD1919",
    what: "a zero message of the application's own",
    instead: "use a channel, or a member in the body of join or accept",
  },
  "zero-other-body": {
    code: "SD1920",
    what: "a body with members in a zero message other than join and accept",
  },
};
