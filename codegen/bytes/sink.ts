/** Bytes that grow, with the numbers that every message and header is made of. Which come, whoever walks the model knows. */
import { Nesting } from "./nesting.ts";

/** Thrown when a generated value exceeds a bound on depth or size. */
export class TooLarge extends RangeError {
  override readonly name = "TooLarge";
}

// Made once: golden vectors of a large spec write many thousand floats.
const floats = new DataView(new ArrayBuffer(8));

/** Bytes that grow. */
export class Sink {
  readonly nesting: Nesting;
  /** No longer than this. */
  readonly maxBytes: number;
  readonly #bytes: number[] = [];

  constructor(maxBytes: number = Number.POSITIVE_INFINITY, nesting: Nesting = new Nesting()) {
    this.nesting = nesting;
    this.maxBytes = maxBytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#bytes);
  }

  /** Throws where it has grown too long: between the elements of what may be long. */
  check(): void {
    if (this.length > this.maxBytes) throw new TooLarge(`more than ${this.maxBytes} bytes`);
  }

  push(bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.#bytes.push(bytes[i]!);
  }

  /** Big-endian, two's complement. */
  integer(value: number | bigint, count: number): void {
    if (typeof value === "number" && count <= 4) {
      const unsigned = value < 0 ? value + 2 ** (count * 8) : value;
      for (let i = count - 1; i >= 0; i--) this.#bytes.push(Math.floor(unsigned / 256 ** i) % 256);
      return;
    }
    const raw = BigInt.asUintN(count * 8, BigInt(value));
    for (let i = count - 1; i >= 0; i--) this.#bytes.push(Number((raw >> BigInt(i * 8)) & 0xffn));
  }

  float(value: number, count: 4 | 8): void {
    if (count === 4) floats.setFloat32(0, value);
    else floats.setFloat64(0, value);
    this.push(new Uint8Array(floats.buffer, 0, count));
  }

  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no varint`);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes.push((rest % 128) + 0x80);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }

  /** Bits as `0` and `1`, padded with zeros to whole bytes. */
  bits(text: string): void {
    for (let at = 0; at < text.length; at += 8) {
      this.#bytes.push(Number.parseInt(text.slice(at, at + 8).padEnd(8, "0"), 2));
    }
  }
}

export function bitText(value: number, width: number): string {
  const text = value.toString(2);
  if (text.length > width) throw new RangeError(`${value} does not fit in ${width} bits`);
  return text.padStart(width, "0");
}
