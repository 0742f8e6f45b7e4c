/**
 * What `stardust generate` can make beside the code, by the word that a spec asks for it with (`generate: { with: […] }`).
 * No part of the model: it changes neither what is on the wire nor what the code does, so it is not hashed either.
 */

/** The file of each; none is made unless the spec names it. */
export const artefactFiles = {
  vectors: "vectors.json",
  page: "protocol.md",
  dissector: "dissector.lua",
  model: "model.json",
} as const;

export type Artefact = keyof typeof artefactFiles;

export const artefacts: readonly Artefact[] = Object.keys(artefactFiles) as Artefact[];
