/**
 * Reads a message by walking the model, one member at a time ("Bytes of a message" in docs/wire.md), and notes
 * where each of them stands. What the generated decoders refuse, this refuses too, and says where. Worst case: linear
 * in the bytes; nesting is bounded by the model.
 */

import { type ByteCursor, inBytes, type Meaning } from "../bytes/cursor.ts";
import { totalBytes } from "../bytes/nesting.ts";
import { type BitType, isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import { groupsOf, type Lookup, type MemberGroup } from "../model/lookup.ts";
import type { MemberModel, StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { put } from "./values.ts";

/** Reads all that is left of `s` as one message. */
export function readMessage(
  lookup: Lookup,
  struct: string,
  s: ByteCursor,
): Record<string, unknown> {
  const value = readStruct(lookup, struct, s);
  if (s.left > 0) s.fail(`${inBytes(s.left)} left over`);
  return value;
}

/** A struct or union that may hold itself: not too deep, and not too long. */
function bounded<T>(self: StructModel | UnionModel, s: ByteCursor, read: () => T): T {
  const { at } = s;
  const refuse = (maxDepth: number): never =>
    s.fail(`lies in ${maxDepth} of its kind, ${maxDepth} levels are allowed`);
  const value = s.nesting.within(self, refuse, read);
  const most = totalBytes(self);
  if (s.at - at > most) s.fail(`takes ${inBytes(s.at - at)}, ${most} are allowed`, "", at);
  return value;
}

function readStruct(lookup: Lookup, name: string, s: ByteCursor): Record<string, unknown> {
  const struct = lookup.struct(name);
  const value: Record<string, unknown> = {};
  // Members in the spec's order, whichever part of the bytes they come from.
  for (const member of struct.members) put(value, member.name, undefined);
  const readParts = (): void => {
    groupsOf(struct).forEach((part, i) => {
      // An older writer stops at the edge of a group; what a reader fills in is not in the bytes.
      if (i > 0 && s.compat && s.left === 0)
        for (const { name } of part.members) delete value[name];
      else readPart(lookup, part, s, value);
    });
  };
  bounded(struct, s, () => {
    if (struct.extensible === undefined) readParts();
    else readBody(struct.extensible.maxBodyBytes, s, readParts);
  });
  return value;
}

/** What stands behind its byte length, all of it. */
function readBody(maxBytes: number, s: ByteCursor, read: () => void): void {
  const { at, end } = s;
  const length = s.varint("length");
  s.leaf("length", at, { value: length, unit: "bytes" });
  if (length > maxBytes && !s.compat) s.fail(`${inBytes(length)}, at most ${maxBytes}`, "", at);
  if (length > s.left) s.fail(`${inBytes(length)} announced, ${s.left} left`, "", at);
  s.end = s.at + length;
  read();
  if (s.left > 0) {
    if (!s.compat) s.fail(`${inBytes(s.left)} left over`);
    const tail = s.take(s.left, "of a later version");
    s.leaf("of a later version", tail, { value: s.bytes.slice(tail, s.at) });
  }
  s.end = end;
}

function readPart(
  lookup: Lookup,
  { members, bitBlockBytes }: MemberGroup,
  s: ByteCursor,
  value: Record<string, unknown>,
): void {
  const absent = new Set<MemberModel>();
  if (bitBlockBytes > 0) {
    const block = s.take(bitBlockBytes, "the bit block");
    let used = 0;
    for (const member of members) {
      if (member.optional) {
        const bit = s.bits(block, member.presenceBit!, 1);
        if (bit === 0) absent.add(member);
        const text = bit === 1 ? "present" : "absent";
        s.bitLeaf(`${member.name}?`, block, member.presenceBit!, 1, { value: bit === 1, text });
        used++;
      }
      if (!isBits(member.type)) continue;
      const read = readBits(lookup, member.type, s, block, member, absent.has(member));
      if (!absent.has(member)) put(value, member.name, read);
      used += member.type.bits;
    }
    padding(s, block, used, bitBlockBytes);
  }
  for (const member of members) {
    if (absent.has(member)) delete value[member.name];
    else if (!isBits(member.type))
      put(value, member.name, readValue(lookup, member.type, s, member));
  }
}

function padding(s: ByteCursor, block: number, used: number, bytes: number): void {
  const width = bytes * 8 - used;
  if (width === 0) return;
  const value = s.bits(block, used, width);
  s.bitLeaf("padding", block, used, width, { value });
  if (value !== 0) s.fail("padding bits are not zero", "", block + bytes - 1);
}

type ReadMember = Pick<MemberModel, "name" | "unit" | "valueBit">;

function unitOf({ unit }: ReadMember): Meaning {
  return unit === undefined ? {} : { unit };
}

/** Reads a value in a bit block; an `absent` one still has its bits, which must be zero. */
function readBits(
  lookup: Lookup,
  type: BitType,
  s: ByteCursor,
  block: number,
  member: ReadMember,
  absent = false,
): unknown {
  const { name, valueBit: offset = 0 } = member;
  const at = block + Math.floor(offset / 8);
  const raw = s.bits(block, offset, type.bits);
  const leaf = (meaning: Meaning) => s.bitLeaf(name, block, offset, type.bits, meaning);
  if (absent) {
    leaf({ value: raw, text: "absent" });
    if (raw !== 0) s.fail("is absent, but its bits are not zero", name, at);
    return undefined;
  }
  const { value, meaning, problem } = kindOf(type).readBits(type, raw, lookup);
  leaf(problem === undefined ? { ...meaning, ...unitOf(member) } : meaning);
  if (problem !== undefined) s.fail(problem, name, at);
  return value;
}

/** A value of whole bytes. */
function readValue(lookup: Lookup, type: TypeModel, s: ByteCursor, member: ReadMember): unknown {
  const { name } = member;
  const at = s.at;
  const unit = unitOf(member);
  if (isBits(type)) {
    // Alone: an element, an entry's half or a variant, with a block of its own.
    const bytes = Math.ceil(type.bits / 8);
    const block = s.take(bytes, name);
    const value = readBits(lookup, type, s, block, { name, ...unit });
    padding(s, block, type.bits, bytes);
    return value;
  }
  if (isFixed(type)) {
    s.take(type.bytes, name);
    const { value, meaning, problem } = kindOf(type).readFixed(type, s.view, at);
    s.leaf(name, at, { value: meaning, ...unit });
    if (problem !== undefined) s.fail(problem, name, at);
    return value;
  }
  if (isLeaf(type)) return kindOf(type).read(type, s, name, unit);
  switch (type.kind) {
    case "list":
    case "array":
      return s.group(name, () => readList(lookup, type, s, member), unit);
    case "map":
      return s.group(name, () => readMap(lookup, type, s, member), unit);
    case "union":
      return s.group(name, () => readUnion(lookup, type.name, s), { text: type.name });
    case "struct":
      return s.group(name, () => readStruct(lookup, type.name, s), { text: type.name });
  }
}

function readList(
  lookup: Lookup,
  type: Extract<TypeModel, { kind: "list" | "array" }>,
  s: ByteCursor,
  member: ReadMember,
): unknown[] {
  const length = type.kind === "array" ? type.length : readCount(type.max, "elements", s);
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) {
    // An element takes at least a byte, so a false count ends here and not in memory.
    list.push(readValue(lookup, type.of, s, { name: `[${i}]`, ...unitOf(member) }));
  }
  return list;
}

function readCount(max: number, what: string, s: ByteCursor): number {
  const { at } = s;
  const count = s.varint("count");
  s.leaf("count", at, { value: count });
  if (count > max) s.fail(`${count} ${what}, at most ${max}`, "", at);
  return count;
}

function readMap(
  lookup: Lookup,
  type: Extract<TypeModel, { kind: "map" }>,
  s: ByteCursor,
  member: ReadMember,
): Map<unknown, unknown> {
  const count = readCount(type.max, "entries", s);
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < count; i++) {
    s.group(`[${i}]`, () => {
      const { at } = s;
      const key = readValue(lookup, type.key, s, { name: "key" });
      if (map.has(key)) s.fail("a key that came before", "key", at);
      map.set(key, readValue(lookup, type.value, s, { name: "value", ...unitOf(member) }));
    });
  }
  return map;
}

function readUnion(lookup: Lookup, name: string, s: ByteCursor): { kind: string; value: unknown } {
  const union = lookup.union(name);
  return bounded(union, s, () => {
    const { at } = s;
    const tag = s.varint("kind");
    const variant = union.variants.find((one) => one.tag === tag);
    s.leaf("kind", at, {
      value: variant?.name ?? tag,
      ...(variant === undefined ? {} : { text: String(tag) }),
    });
    if (variant === undefined) return s.fail(`${tag} is no variant of ${name}`, "kind", at);
    const unit = variant.unit === undefined ? {} : { unit: variant.unit };
    return {
      kind: variant.name,
      value: readValue(lookup, variant.type, s, { name: "value", ...unit }),
    };
  });
}
