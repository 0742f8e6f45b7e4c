/** What a worker is asked beside a reservation, and what it says to one (posts.ts). */
import type { CounterName } from "../counters.ts";

/** A join that has come to the port that reserves: it is answered there and then, and this is what that counts. */
export interface OwnJoin {
  readonly counter: CounterName | undefined;
}

/** The accept of a reservation; undefined: it is sent already; a text: why there is none. */
export type ReserveAnswer = Uint8Array | undefined | string;
