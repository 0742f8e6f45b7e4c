/**
 * Every timer of a session, named in one place. A timer is a time in milliseconds of the caller's clock, Infinity
 * while it is not set; nothing here fires by itself. Worst case: seven comparisons.
 */

/** A const object, not an enum: erasable syntax. */
export const Timer = {
  /** An acknowledgement has been held back as long as it may be. */
  ack: 0,
  /** A datagram below the largest acknowledged becomes too old not to be lost (RFC 9002 6.1.2). */
  loss: 1,
  /** Nothing was acknowledged for a probe timeout (RFC 9002 6.2). */
  probe: 2,
  /** The receive limit of a channel keeps a message back: ask for it. */
  blocked: 3,
  /** The pacer lets the next datagram go. */
  pacing: 4,
  /** A gap on a channel of delivery `unreliable-ordered` has been waited for long enough. */
  gap: 5,
  /** Nothing has been heard for a while, and the fate of unreliable messages is to be told: ask for an ack. */
  notice: 6,
} as const;
export type Timer = (typeof Timer)[keyof typeof Timer];

const never: number = Number.POSITIVE_INFINITY;

export class Timers {
  /** An array of doubles, in V8 too: a typed array costs more than twice the memory. */
  private readonly at: number[] = [never, never, never, never, never, never, never];

  set(timer: Timer, atMs: number): void {
    this.at[timer] = atMs;
  }

  clear(timer: Timer): void {
    this.at[timer] = Number.POSITIVE_INFINITY;
  }

  isSet(timer: Timer): boolean {
    return this.at[timer] !== Number.POSITIVE_INFINITY;
  }

  /** Whether `timer` is set and its time has come. */
  due(timer: Timer, nowMs: number): boolean {
    return this.at[timer]! <= nowMs;
  }

  /** The earliest of all; Infinity where none is set. */
  next(): number {
    const at = this.at;
    let first = at[0]!;
    for (let i = 1; i < at.length; i++) if (at[i]! < first) first = at[i]!;
    return first;
  }
}
