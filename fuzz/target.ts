/** What the fuzzer aims at: something that makes an input from chance, hands it to a reader and judges the result. */

import type { SeededRandom } from "#src/testing/random.js";
import type { Input } from "./input.ts";

/** What became of an input. `fault` says what is wrong with the reader, not with the input. */
export type Verdict = "accepted" | "refused" | { readonly fault: string };

export interface Target {
  readonly spec: string;
  /** The channel, or which other reader this is. */
  readonly name: string;
  /** Its share of the cases, against the other targets'. */
  readonly weight: number;
  make(random: SeededRandom, input: Input): void;
  /**
   * Judges one input. `thorough` asks for what is too dear for every case (memory, steps). Nothing is kept from
   * case to case, so that one alone can be repeated.
   */
  check(random: SeededRandom, input: Input, thorough: boolean): Verdict;
}

export function fault(text: string): Verdict {
  return { fault: text };
}

export function sameBytes(a: Uint8Array, aStart: number, b: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[i]) return false;
  return true;
}

/** Bytes in hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
