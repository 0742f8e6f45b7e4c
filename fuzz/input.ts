/**
 * The bytes of one case, and what can be done to them without knowing what they mean: flips, cuts, insertions,
 * splices, other varints. A fixed buffer, reused from case to case; what would not fit is cut off.
 */
import { varintSize, Writer } from "stardust-udp/wire";
import type { SeededRandom } from "#src/testing/random.js";
import type { BodySpan, VarintSpan } from "./trace.ts";

/** Larger than the largest message of the specs (a quarter of a megabyte). */
export const CAPACITY: number = 1 << 19;

const boundaryBytes: readonly number[] = [0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const boundaryValues: readonly number[] = [
  0, 1, 2, 127, 128, 255, 256, 16383, 16384, 65535, 65536, 2097151, 268435455, 2147483647,
  4294967295, 4294967296, 34359738368, 4503599627370496, 9007199254740991,
];

/** Encoders without checks (lenient.ts) are given any number, and infinity has no end in base 128. */
class CarefulWriter extends Writer {
  override varint(value: number): void {
    if (!(value >= 0 && value < 2 ** 60)) throw new RangeError(`${value} is no varint`);
    super.varint(value);
  }
}

export class Input {
  readonly bytes: Uint8Array = new Uint8Array(CAPACITY);
  readonly writer: Writer = new CarefulWriter(this.bytes);
  length = 0;

  set(bytes: Uint8Array): void {
    this.length = Math.min(bytes.byteLength, CAPACITY);
    this.bytes.set(bytes.subarray(0, this.length));
  }

  /** A copy, for whoever keeps it. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  randomise(random: SeededRandom, length: number): void {
    this.length = length;
    for (let i = 0; i < length; i++) this.bytes[i] = random.u32();
  }

  /** Replaces `bytes[at..end)` by `count` bytes that `fill` writes. */
  replace(at: number, end: number, count: number, fill: (at: number) => void): void {
    if (this.length - (end - at) + count > CAPACITY) return;
    this.bytes.copyWithin(at + count, end, this.length);
    this.length += count - (end - at);
    fill(at);
  }

  /** One change that needs no knowledge. `other` is another valid input. */
  mutate(random: SeededRandom, other: Uint8Array): void {
    const { bytes, length } = this;
    if (length === 0) {
      this.randomise(random, 1 + random.below(8));
      return;
    }
    // The front, where blocks and counts are, is hit more often.
    const at = random.once(3) ? random.below(Math.min(length, 12)) : random.below(length);
    switch (random.below(11)) {
      case 0:
      case 1:
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        break;
      case 2:
        bytes[at] = random.pick(boundaryBytes);
        break;
      case 3:
        bytes[at] = bytes[at]! + (random.once(2) ? 1 : -1);
        break;
      case 4:
        bytes[at] = random.u32();
        break;
      case 5:
        this.length = random.once(2) ? length - 1 : at;
        break;
      case 6:
        this.append(random, 1 + random.below(random.once(8) ? 200 : 4));
        break;
      case 7:
        this.replace(at, Math.min(length, at + 1 + random.below(8)), 0, () => {});
        break;
      case 8: {
        const count = 1 + random.below(8);
        const from = random.below(length);
        const piece = bytes.slice(from, Math.min(length, from + count));
        this.replace(at, at, piece.byteLength, (to) => bytes.set(piece, to));
        break;
      }
      case 9: {
        const from = random.below(other.byteLength + 1);
        const tail = other.subarray(from, Math.min(other.byteLength, from + CAPACITY - length));
        this.length = at;
        this.replace(at, at, tail.byteLength, (to) => bytes.set(tail, to));
        break;
      }
      default:
        this.varint(random, { at, end: at + 1, value: bytes[at]! & 0x7f });
    }
  }

  append(random: SeededRandom, count: number): void {
    const zeros = random.once(2);
    const end = this.length;
    this.replace(end, end, count, (at) => {
      for (let i = 0; i < count; i++) this.bytes[at + i] = zeros ? 0 : random.u32();
    });
  }

  /** Writes another number, or the same in another form, over a varint. */
  varint(random: SeededRandom, span: VarintSpan, maxima: readonly number[] = []): void {
    const { at, end, value } = span;
    if (end > this.length) return;
    switch (random.below(4)) {
      case 0: {
        // The same number, one byte longer than it needs to be.
        this.#write(at, end, value);
        const last = at + varintSize(value) - 1;
        this.replace(last, last + 1, 2, (to) => {
          this.bytes[to] = this.bytes[to]! | 0x80;
          this.bytes[to + 1] = 0;
        });
        break;
      }
      case 1: {
        // No varint at all: it has no end within eight bytes, or is above 2^53 - 1.
        const count = 7 + random.below(4);
        const closing = random.below(0x80);
        this.replace(at, end, count, (to) => {
          this.bytes.fill(0xff, to, to + count - 1);
          this.bytes[to + count - 1] = closing;
        });
        break;
      }
      case 2: {
        const near = maxima.length > 0 && !random.once(3) ? random.pick(maxima) : value;
        this.#write(at, end, Math.max(0, near - 1 + random.below(3)));
        break;
      }
      default:
        this.#write(at, end, random.pick(boundaryValues));
    }
  }

  /**
   * Makes what is extensible shorter, as an older writer would have it, or longer, as a newer one. The lengths of it and
   * of what it lies in follow. `bodies` are those of the input as it stands. Answers whether another version may write it.
   */
  grow(random: SeededRandom, bodies: readonly BodySpan[]): boolean {
    const chosen = random.below(bodies.length);
    const { length, end, edges } = bodies[chosen]!;
    const count = random.once(2) ? 1 + random.below(6) : 0;
    const inside = length.end + random.below(end - length.end + 1);
    const from =
      count > 0 ? end : edges.length > 0 && !random.once(4) ? random.pick(edges) : inside;
    this.replace(from, end, count, (at) => {
      for (let i = 0; i < count; i++) this.bytes[at + i] = random.u32();
    });
    let more = count - (end - from);
    for (const outer of bodies.slice(0, chosen + 1).reverse()) {
      if (outer.end < end) continue;
      const { at, end: behind, value } = outer.length;
      const now = value + more;
      this.#write(at, behind, now);
      more += varintSize(now) - (behind - at);
    }
    return count > 0 || edges.includes(from);
  }

  #write(at: number, end: number, value: number): void {
    const number = Math.min(value, Number.MAX_SAFE_INTEGER);
    this.replace(at, end, varintSize(number), (to) => {
      this.writer.at = to;
      this.writer.varint(number);
    });
  }
}
