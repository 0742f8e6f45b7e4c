/**
 * Bytes, bits and varints for the independent parser, by docs/wire.md alone. Slow and strict: everything that is not
 * exactly as written throws `CaptureError`. Imports nothing of src/.
 */

/** What was captured is not what the documents say. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
}

export function fail(problem: string): never {
  throw new CaptureError(problem);
}

export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  take(count: number, what: string): Uint8Array {
    if (count > this.left) fail(`${what}: ${count} bytes expected, ${this.left} left`);
    const taken = this.bytes.slice(this.at, this.at + count);
    this.at += count;
    return taken;
  }

  /** Big-endian, `count` bytes. */
  unsigned(count: number, what: string): bigint {
    let value = 0n;
    for (const byte of this.take(count, what)) value = value * 256n + BigInt(byte);
    return value;
  }

  signed(count: number, what: string): bigint {
    return BigInt.asIntN(count * 8, this.unsigned(count, what));
  }

  float(count: 4 | 8, what: string): number {
    const view = new DataView(this.take(count, what).buffer);
    return count === 4 ? view.getFloat32(0) : view.getFloat64(0);
  }

  /** Unsigned LEB128, shortest form, at most 8 bytes and 2^53 - 1. */
  varint(what: string): number {
    let value = 0n;
    for (let i = 0; ; i++) {
      if (i === 8) fail(`${what}: a varint of more than 8 bytes`);
      const byte = this.take(1, what)[0]!;
      value += BigInt(byte & 0x7f) * 128n ** BigInt(i);
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) fail(`${what}: a varint that is not in its shortest form`);
      if (value > 2n ** 53n - 1n) fail(`${what}: a varint above 2^53 - 1`);
      return Number(value);
    }
  }

  utf8(count: number, what: string): string {
    const bytes = this.take(count, what);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return fail(`${what}: not UTF-8`);
    }
  }
}

/** Bits of a block, most significant first. */
export class Bits {
  readonly #bits: string;
  #at = 0;

  constructor(block: Uint8Array) {
    this.#bits = [...block].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  }

  take(count: number): number {
    const bits = this.#bits.slice(this.#at, this.#at + count);
    this.#at += count;
    return count === 0 ? 0 : Number.parseInt(bits, 2);
  }

  /** What pads the block to whole bytes is zero. */
  finish(what: string): void {
    if (this.#bits.slice(this.#at).includes("1")) fail(`${what}: padding bits that are not zero`);
  }
}

/** Bytes of a varint. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) count++;
  return count;
}
