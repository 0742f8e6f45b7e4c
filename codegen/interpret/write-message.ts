/**
 * Writes a message by walking the model: the other direction of read-message.ts, for golden vectors. Values are
 * plain ones, as the generated types have them; one that the spec does not allow is a bug of the caller's and throws.
 */

import { totalBytes } from "../bytes/nesting.ts";
import { bitText, Sink, TooLarge } from "../bytes/sink.ts";
import { type BitType, isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import { groupsOf, type Lookup, variantOf } from "../model/lookup.ts";
import type { StructModel, TypeModel, UnionModel } from "../model/model.ts";

/** The bytes of a message; throws `TooLarge` above `maxBytes`. */
export function writeMessage(
  lookup: Lookup,
  struct: string,
  value: unknown,
  maxBytes?: number,
): Uint8Array {
  const sink = new Sink(maxBytes);
  writeStruct(lookup, struct, value, sink);
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

function writeStruct(lookup: Lookup, name: string, value: unknown, sink: Sink): void {
  const struct = lookup.struct(name);
  bounded(struct, sink, () => {
    if (struct.extensible === undefined) {
      writeParts(lookup, struct, value, sink);
      return;
    }
    const body = new Sink(sink.maxBytes, sink.nesting);
    writeParts(lookup, struct, value, body);
    sink.varint(body.length);
    sink.push(body.bytes);
  });
}

function writeParts(lookup: Lookup, struct: StructModel, value: unknown, sink: Sink): void {
  for (const { members } of groupsOf(struct)) {
    let bits = "";
    for (const { name, type, optional } of members) {
      const given = memberOf(value, name);
      if (given === undefined && !optional) throw new Error(`${struct.name}.${name} is missing`);
      if (optional) bits += given === undefined ? "0" : "1";
      if (isBits(type))
        bits += given === undefined ? "0".repeat(type.bits) : bitsOf(lookup, type, given);
    }
    sink.bits(bits);
    for (const { name, type } of members) {
      const given = memberOf(value, name);
      if (given !== undefined && !isBits(type)) writeValue(lookup, type, given, sink);
    }
  }
}

/** The bits of a value, as text. */
function bitsOf(lookup: Lookup, type: BitType, value: unknown): string {
  return bitText(kindOf(type).writeBits(type, value, lookup), type.bits);
}

function writeValue(lookup: Lookup, type: TypeModel, value: unknown, sink: Sink): void {
  if (isBits(type)) {
    sink.bits(bitsOf(lookup, type, value));
    return;
  }
  if (isLeaf(type)) {
    if (isFixed(type)) kindOf(type).write(type, value, sink);
    else kindOf(type).write(type, value, sink);
    return;
  }
  switch (type.kind) {
    case "list": {
      const list = value as readonly unknown[];
      if (list.length > type.max)
        throw new RangeError(`${list.length} elements, at most ${type.max}`);
      sink.varint(list.length);
      writeElements(lookup, type.of, list, sink);
      return;
    }
    case "array": {
      const list = value as readonly unknown[];
      if (list.length !== type.length)
        throw new RangeError(`${list.length} elements, always ${type.length}`);
      writeElements(lookup, type.of, list, sink);
      return;
    }
    case "map": {
      // Not only a Map: golden vectors of what is refused repeat a key.
      const entries = [...(value as Iterable<readonly [unknown, unknown]>)];
      if (entries.length > type.max)
        throw new RangeError(`${entries.length} entries, at most ${type.max}`);
      sink.varint(entries.length);
      for (const [key, of] of entries) {
        writeValue(lookup, type.key, key, sink);
        writeValue(lookup, type.value, of, sink);
        sink.check();
      }
      return;
    }
    case "union": {
      const union = lookup.union(type.name);
      const { kind, value: of } = value as { kind: string; value: unknown };
      const variant = variantOf(union, kind);
      bounded(union, sink, () => {
        sink.varint(variant.tag);
        writeValue(lookup, variant.type, of, sink);
      });
      return;
    }
    case "struct":
      writeStruct(lookup, type.name, value, sink);
      return;
  }
}

function writeElements(lookup: Lookup, of: TypeModel, list: readonly unknown[], sink: Sink): void {
  for (const element of list) {
    writeValue(lookup, of, element, sink);
    sink.check();
  }
}
