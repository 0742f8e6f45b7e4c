/**
 * What reading a datagram leaves behind: a tree of parts, each with its place in the bytes, and the first problem, if
 * any. `ByteCursor` is the cursor that builds it. Meant for people who look at bytes, not for speed: every leaf is an object.
 */
import { Nesting } from "./nesting.ts";

/** A piece of a datagram. Leaves cover every byte (or bit) exactly once; a part with `parts` covers theirs. */
export interface Part {
  readonly name: string;
  /** The byte it begins with. */
  readonly at: number;
  /** Whole bytes, for bits those that they lie in. */
  readonly bytes: number;
  /** For a part of a byte or of several: from the most significant bit of byte `at` on. */
  readonly bits?: { readonly offset: number; readonly width: number };
  readonly value?: unknown;
  /** What the value means, where it does not speak for itself. */
  readonly text?: string;
  readonly unit?: string;
  readonly parts?: readonly Part[];
}

/** Why bytes are not what the protocol says. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** The byte at which it shows. */
  readonly at: number;
  /** What is wrong there, e.g. `frame 0.chat.text`; "" for the datagram as a whole. */
  readonly path: string;
  readonly problem: string;

  constructor(at: number, path: string, problem: string) {
    super(`byte ${at}${path === "" ? "" : `, ${path}`}: ${problem}`);
    this.at = at;
    this.path = path;
    this.problem = problem;
  }
}

/** So many bytes, in words. */
export function inBytes(bytes: number): string {
  return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
}

/** What a leaf may say besides its place. */
export type Meaning = Pick<Part, "value" | "text" | "unit">;

/** Largest value of a varint. */
export const MAX_VARINT: number = Number.MAX_SAFE_INTEGER;
const MAX_VARINT_BYTES = 8;

export class ByteCursor {
  readonly nesting: Nesting = new Nesting();
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;
  end: number;
  /** Of the datagram, or of the group that is open. */
  parts: Part[] = [];
  /** Whether the writer may have been generated from another version: extensible structs may be shorter or longer. */
  readonly compat: boolean;
  readonly #path: string[] = [];

  constructor(bytes: Uint8Array, compat = false) {
    this.bytes = bytes;
    this.compat = compat;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.byteLength;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Throws. `name` is the member that is wrong, "" for what is open. */
  fail(problem: string, name = "", at: number = this.at): never {
    const path = name === "" ? this.#path : [...this.#path, name];
    throw new Problem(at, path.join(".").replaceAll(".[", "["), problem);
  }

  /** Skips bytes that must be there; returns where they begin. */
  take(bytes: number, name: string): number {
    if (bytes > this.left) {
      this.fail(`${inBytes(bytes)} expected, ${this.left} left`, name);
    }
    this.at += bytes;
    return this.at - bytes;
  }

  /** Adds a leaf for the bytes from `at` to the cursor. */
  leaf(name: string, at: number, meaning: Meaning = {}): void {
    this.parts.push({ name, at, bytes: this.at - at, ...meaning });
  }

  /** Adds a leaf for bits of bytes that were taken: `offset` from the first bit of byte `block`. */
  bitLeaf(name: string, block: number, offset: number, width: number, meaning: Meaning): void {
    const first = Math.floor(offset / 8);
    const bytes = Math.ceil((offset + width) / 8) - first;
    const bits = { offset: offset % 8, width };
    this.parts.push({ name, at: block + first, bytes, bits, ...meaning });
  }

  /** Unsigned value of bits, most significant first; at most 53 of them. */
  bits(block: number, offset: number, width: number): number {
    let value = 0;
    for (let bit = offset; bit < offset + width; bit++) {
      const byte = this.bytes[block + Math.floor(bit / 8)]!;
      value = value * 2 + ((byte >> (7 - (bit % 8))) & 1);
    }
    return value;
  }

  /** Collects the parts that `inside` adds under one name, also when it throws. */
  group<T>(name: string, inside: () => T, meaning: Meaning = {}): T {
    const outer = this.parts;
    const parts: Part[] = [];
    const at = this.at;
    const said = { ...meaning };
    this.parts = parts;
    this.#path.push(name);
    try {
      return inside();
    } finally {
      this.parts = outer;
      this.#path.pop();
      outer.push({ name, at, bytes: this.at - at, ...said, parts });
    }
  }

  /** Big-endian, at most 6 bytes. */
  unsigned(count: number, name: string): number {
    const at = this.take(count, name);
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 256 + this.bytes[at + i]!;
    return value;
  }

  /** Unsigned LEB128 in its shortest form, at most 2^53 - 1. */
  varint(name: string): number {
    const start = this.at;
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.left === 0) this.fail("a varint that is cut off", name, start);
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) this.fail("a varint that is not in its shortest form", name, start);
      if (value > MAX_VARINT) this.fail("a varint above 2^53 - 1", name, start);
      return value;
    }
    return this.fail(`a varint of more than ${MAX_VARINT_BYTES} bytes`, name, start);
  }
}
