/**
 * Writes a message by walking the model: the other direction of read-message.ts, for golden vectors. Values are
 * plain ones, as the generated types have them; one that the spec does not allow is a bug of the caller's and throws.
 */
import type { StructModel, TypeModel, UnionModel } from "../model/model.ts";
import {
  isBits,
  type Names,
  Nesting,
  partsOf,
  quantise,
  toHalfBits,
  totalBytes,
  unknownKind,
  zigzag,
} from "./values.ts";

/** A value that is too deep or too long in itself: who made it up did not know. */
export class TooLarge extends RangeError {
  override readonly name = "TooLarge";
}

// Made once: golden vectors of a large spec write many thousand strings and floats.
const utf8 = new TextEncoder();
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

  float(value: number, count: 2 | 4 | 8): void {
    if (count === 2) {
      this.integer(toHalfBits(value), 2);
      return;
    }
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

/** The bytes of a message; throws `TooLarge` above `maxBytes`. */
export function writeMessage(
  names: Names,
  struct: string,
  value: unknown,
  maxBytes?: number,
): Uint8Array {
  const sink = new Sink(maxBytes);
  writeStruct(names, struct, value, sink);
  sink.check();
  return sink.bytes;
}

function memberOf(value: unknown, name: string): unknown {
  return Object.hasOwn(value as object, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** A struct or union that may hold itself. */
function bounded(self: StructModel | UnionModel, sink: Sink, write: () => void): void {
  const from = sink.length;
  const refuse = (maxDepth: number): never => {
    throw new TooLarge(`more than ${maxDepth} ${self.name} in each other`);
  };
  sink.nesting.within(self, refuse, write);
  const most = totalBytes(self);
  if (sink.length - from > most) throw new TooLarge(`${self.name} of more than ${most} bytes`);
  sink.check();
}

function writeStruct(names: Names, name: string, value: unknown, sink: Sink): void {
  const struct = names.struct(name);
  bounded(struct, sink, () => {
    if (struct.extensible === undefined) {
      writeParts(names, struct, value, sink);
      return;
    }
    const body = new Sink(sink.maxBytes, sink.nesting);
    writeParts(names, struct, value, body);
    sink.varint(body.length);
    sink.push(body.bytes);
  });
}

function writeParts(names: Names, struct: StructModel, value: unknown, sink: Sink): void {
  for (const { members } of partsOf(struct)) {
    let bits = "";
    for (const { name, type, optional } of members) {
      const given = memberOf(value, name);
      if (given === undefined && !optional) throw new Error(`${struct.name}.${name} is missing`);
      if (optional) bits += given === undefined ? "0" : "1";
      if (isBits(type))
        bits += given === undefined ? "0".repeat(type.bits) : bitsOf(names, type, given);
    }
    sink.bits(bits);
    for (const { name, type } of members) {
      const given = memberOf(value, name);
      if (given !== undefined && !isBits(type)) writeValue(names, type, given, sink);
    }
  }
}

/** The bits of a value, as text. */
function bitsOf(names: Names, type: TypeModel, value: unknown): string {
  switch (type.kind) {
    case "bool":
      return value === true ? "1" : "0";
    case "enum": {
      const found = names.enum(type.name).values.find((one) => one.name === value);
      if (found === undefined) throw new Error(`${String(value)} is no value of ${type.name}`);
      return bitText(found.value, type.bits);
    }
    case "quantised":
      return bitText(quantise(type, value as number), type.bits);
    default:
      throw new Error(`${type.kind} has no place in a bit block`);
  }
}

function writeValue(names: Names, type: TypeModel, value: unknown, sink: Sink): void {
  switch (type.kind) {
    case "integer":
      sink.integer(value as number | bigint, type.bytes);
      return;
    case "varint":
      sink.varint(type.signed ? zigzag(value as number) : (value as number));
      return;
    case "float":
      sink.float(value as number, type.bytes);
      return;
    case "string":
    case "bytes": {
      const bytes = type.kind === "string" ? utf8.encode(value as string) : (value as Uint8Array);
      if (bytes.length > type.maxBytes)
        throw new RangeError(`${bytes.length} bytes, at most ${type.maxBytes}`);
      sink.varint(bytes.length);
      sink.push(bytes);
      return;
    }
    case "list": {
      const list = value as readonly unknown[];
      if (list.length > type.max)
        throw new RangeError(`${list.length} elements, at most ${type.max}`);
      sink.varint(list.length);
      writeElements(names, type.of, list, sink);
      return;
    }
    case "array": {
      const list = value as readonly unknown[];
      if (list.length !== type.length)
        throw new RangeError(`${list.length} elements, always ${type.length}`);
      writeElements(names, type.of, list, sink);
      return;
    }
    case "map": {
      // Not only a Map: golden vectors of what is refused repeat a key.
      const entries = [...(value as Iterable<readonly [unknown, unknown]>)];
      if (entries.length > type.max)
        throw new RangeError(`${entries.length} entries, at most ${type.max}`);
      sink.varint(entries.length);
      for (const [key, of] of entries) {
        writeValue(names, type.key, key, sink);
        writeValue(names, type.value, of, sink);
        sink.check();
      }
      return;
    }
    case "union": {
      const union = names.union(type.name);
      const { kind, value: of } = value as { kind: string; value: unknown };
      const variant = union.variants.find((one) => one.name === kind);
      if (variant === undefined) throw new Error(`${kind} is no variant of ${type.name}`);
      bounded(union, sink, () => {
        sink.varint(variant.tag);
        writeValue(names, variant.type, of, sink);
      });
      return;
    }
    case "struct":
      writeStruct(names, type.name, value, sink);
      return;
    case "bool":
    case "enum":
    case "quantised":
      sink.bits(bitsOf(names, type, value));
      return;
    default:
      unknownKind(type);
  }
}

function writeElements(names: Names, of: TypeModel, list: readonly unknown[], sink: Sink): void {
  for (const element of list) {
    writeValue(names, of, element, sink);
    sink.check();
  }
}
