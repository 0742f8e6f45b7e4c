/**
 * Packet numbers: rebuilding a truncated one (RFC 9000 A.3), and the window that recognises duplicates. All numbers
 * are JavaScript numbers below 2^52. Worst case: clearing the whole window (32 words) once a datagram.
 */
import { DUPLICATE_WINDOW, MAX_NUMBER_JUMP } from "../limits.ts";

const powers: Float64Array = Float64Array.from({ length: 53 }, (_, i) => 2 ** i);

/** `2 ** bits` without the call into the runtime that it costs on a hot path. */
export function powerOfTwo(bits: number): number {
  return powers[bits]!;
}

/** `value % 2 ** bits` of a number that is not negative: a bitwise and works on the low 32 bits of any. */
function lowBits(value: number, bits: number): number {
  return bits < 32 ? value & ((1 << bits) - 1) : value % powers[bits]!;
}

/**
 * The number nearest to `expected` whose low `bits` bits are `truncated` (RFC 9000 A.3; `expected` is the largest
 * received plus one). Never below zero.
 */
export function rebuildNumber(truncated: number, bits: number, expected: number): number {
  const size = powerOfTwo(bits);
  const half = size / 2;
  const candidate = expected - lowBits(expected, bits) + truncated;
  if (candidate <= expected - half) return candidate + size;
  if (candidate > expected + half && candidate >= size) return candidate - size;
  return candidate;
}

/** The highest number of at most `highest` whose low `bits` bits are `truncated`; negative: there is none. */
export function rebuildAcknowledged(truncated: number, bits: number, highest: number): number {
  const size = powerOfTwo(bits);
  const candidate = highest - lowBits(highest, bits) + truncated;
  return candidate > highest ? candidate - size : candidate;
}

const WORDS = DUPLICATE_WINDOW / 32;

/** Which of the newest `DUPLICATE_WINDOW` packet numbers have been received. */
export class DuplicateWindow {
  /** -1 before the first. */
  largest = -1;
  /** From here to the largest all have been received. */
  private solidFrom = 0;
  /** A bit for each, while one is missing that is not too old. */
  private bits: Uint32Array | undefined = undefined;
  /** A number that was too far ahead to be believed alone; -1: none. */
  private suspect = -1;

  /**
   * Whether not to believe a number: one too far ahead is remembered, and confirmed by the next that follows it closely.
   * No sender is `space` ahead, since each stops so far beyond what was acknowledged.
   */
  isJump(packetNumber: number, space: number): boolean {
    if (packetNumber <= this.largest + MAX_NUMBER_JUMP) return false;
    if (packetNumber > this.largest + space) return true;
    const behind = packetNumber - this.suspect;
    if (this.suspect >= 0 && behind > 0 && behind <= MAX_NUMBER_JUMP) return false;
    this.suspect = packetNumber;
    return true;
  }

  isTooOld(packetNumber: number): boolean {
    return packetNumber <= this.largest - DUPLICATE_WINDOW;
  }

  /** Of a number that is not too old. */
  has(packetNumber: number): boolean {
    if (packetNumber > this.largest) return false;
    const { bits } = this;
    if (bits === undefined || packetNumber >= this.solidFrom) return packetNumber >= this.solidFrom;
    const slot = packetNumber & (DUPLICATE_WINDOW - 1);
    return (bits[slot >>> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** Of a number that is neither too old nor there already. */
  add(packetNumber: number): void {
    if (packetNumber === this.largest + 1 && this.bits === undefined) {
      this.largest = packetNumber;
      this.suspect = -1;
      return;
    }
    const bits = this.bits ?? this.begin();
    if (packetNumber > this.largest + 1) this.solidFrom = packetNumber;
    const ahead = packetNumber - this.largest;
    if (ahead >= DUPLICATE_WINDOW) bits.fill(0);
    else {
      for (let i = 1; i < ahead; i++) {
        const slot = (this.largest + i) & (DUPLICATE_WINDOW - 1);
        bits[slot >>> 5]! &= ~(1 << (slot & 31));
      }
    }
    if (ahead > 0) {
      this.largest = packetNumber;
      this.suspect = -1;
    }
    const slot = packetNumber & (DUPLICATE_WINDOW - 1);
    bits[slot >>> 5]! |= 1 << (slot & 31);
  }

  /** Lets go of the bits where none of the newest numbers is missing. */
  trim(): void {
    if (this.bits === undefined) return;
    const oldest = Math.max(0, this.largest - DUPLICATE_WINDOW + 1);
    // What was missing may have come.
    let from = this.solidFrom;
    while (from > oldest && this.has(from - 1)) from--;
    this.solidFrom = from;
    if (from <= oldest) this.bits = undefined;
  }

  /** The bits of what has been received until now, where the first number is missing. */
  private begin(): Uint32Array {
    const bits = new Uint32Array(WORDS);
    const oldest = Math.max(this.solidFrom, this.largest - DUPLICATE_WINDOW + 1);
    for (let number = oldest; number <= this.largest; number++) {
      const slot = number & (DUPLICATE_WINDOW - 1);
      bits[slot >>> 5]! |= 1 << (slot & 31);
    }
    this.bits = bits;
    return bits;
  }
}
