/**
 * What one side knows of the other's clock: types, and what is read from a few numbers that whoever estimates it keeps
 * (session/clock-sync.ts). They may lie in memory that another thread writes.
 */
import { StardustError } from "./errors.ts";

/** The clock of the other side of a connection, as far as it is known; milliseconds. */
export interface RemoteClock {
  /** What it shows now. It never goes back, but where `errorMs` was Infinity or the clock itself has jumped. */
  now(): number;
  /** How far it is ahead of this side's own clock. */
  readonly offsetMs: number;
  /**
   * `now` and `offsetMs` are off by no more than this, as long as the clocks drift by at most MAX_CLOCK_DRIFT from each other;
   * Infinity: nothing is known yet.
   */
  readonly errorMs: number;
}

/**
 * How fast two clocks may drift apart: a millisecond a second. Crystals are good for a tenth of that, and a system that corrects its
 * clock slowly does so by half of it at most.
 */
export const MAX_CLOCK_DRIFT: number = 0.001;
/** What is shown moves towards what is known by no more than this part of the time, so that it never goes back. */
const SLEW = 0.05;

/** What is known of a clock, by its place: offsets, and when they held. */
export const ClockWord = { atMs: 0, fromMs: 1, towardsMs: 2, lowMs: 3, highMs: 4 } as const;
export const CLOCK_WORDS = 5;

/** Nothing is known. */
export function unknownClock(words: Float64Array): void {
  words[ClockWord.atMs] = 0;
  words[ClockWord.fromMs] = 0;
  words[ClockWord.towardsMs] = 0;
  words[ClockWord.lowMs] = Number.NEGATIVE_INFINITY;
  words[ClockWord.highMs] = Number.POSITIVE_INFINITY;
}

/** How far the other clock is shown to be ahead, when this side's own shows `ownMs`. */
export function clockOffsetMs(words: Float64Array, ownMs: number): number {
  const fromMs = words[ClockWord.fromMs]!;
  const wayMs = words[ClockWord.towardsMs]! - fromMs;
  const mostMs = SLEW * Math.max(0, ownMs - words[ClockWord.atMs]!);
  return fromMs + Math.max(-mostMs, Math.min(mostMs, wayMs));
}

/** By how much that may be wrong. */
export function clockErrorMs(words: Float64Array, ownMs: number): number {
  const shownMs = clockOffsetMs(words, ownMs);
  const driftMs = MAX_CLOCK_DRIFT * Math.max(0, ownMs - words[ClockWord.atMs]!);
  const highMs = words[ClockWord.highMs]! - shownMs;
  return Math.max(highMs, shownMs - words[ClockWord.lowMs]!) + driftMs;
}

/** That of the other side; throws STARDUST_UNSUPPORTED where `words` are undefined, since the layout has no clock. */
export function clockView(words: () => Float64Array | undefined, ownMs: () => number): RemoteClock {
  const known = (): Float64Array => {
    const found = words();
    if (found !== undefined) return found;
    const message = "the header of this protocol has no clock: give it a field with `role: clock`";
    throw new StardustError("STARDUST_UNSUPPORTED", message);
  };
  known();
  return new ClockView(known, ownMs);
}

/** A clock that is read from numbers; `words` is asked for them each time, `ownMs` for this side's own. */
class ClockView implements RemoteClock {
  readonly #words: () => Float64Array;
  readonly #ownMs: () => number;

  constructor(words: () => Float64Array, ownMs: () => number) {
    this.#words = words;
    this.#ownMs = ownMs;
  }

  now(): number {
    const ownMs = this.#ownMs();
    return ownMs + clockOffsetMs(this.#words(), ownMs);
  }

  get offsetMs(): number {
    return clockOffsetMs(this.#words(), this.#ownMs());
  }

  get errorMs(): number {
    return clockErrorMs(this.#words(), this.#ownMs());
  }
}
