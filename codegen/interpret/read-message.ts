/**
 * Reads a message by walking the model, one member at a time ("Bytes of a message" in docs/wire.md), and notes
 * where each of them stands. What the generated decoders refuse, this refuses too, and says where. Worst case: linear
 * in the bytes; nesting is bounded by the model.
 */
import type { MemberModel, StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { inBytes, type Meaning, type Source } from "./reading.ts";
import {
  type BitType,
  dequantise,
  halfOf,
  isBits,
  type Names,
  partsOf,
  put,
  totalBytes,
  unknownKind,
  unzigzag,
} from "./values.ts";

/** Reads all that is left of `s` as one message. */
export function readMessage(names: Names, struct: string, s: Source): Record<string, unknown> {
  const value = readStruct(names, struct, s);
  if (s.left > 0) s.fail(`${inBytes(s.left)} left over`);
  return value;
}

/** A struct or union that may hold itself: not too deep, and not too long. */
function bounded<T>(self: StructModel | UnionModel, s: Source, read: () => T): T {
  const { at } = s;
  const refuse = (maxDepth: number): never =>
    s.fail(`lies in ${maxDepth} of its kind, ${maxDepth} levels are allowed`);
  const value = s.nesting.within(self, refuse, read);
  const most = totalBytes(self);
  if (s.at - at > most) s.fail(`takes ${inBytes(s.at - at)}, ${most} are allowed`, "", at);
  return value;
}

function readStruct(names: Names, name: string, s: Source): Record<string, unknown> {
  const struct = names.struct(name);
  const value: Record<string, unknown> = {};
  // Members in the spec's order, whichever part of the bytes they come from.
  for (const member of struct.members) put(value, member.name, undefined);
  const readParts = (): void => {
    partsOf(struct).forEach((part, i) => {
      // An older writer stops at the edge of a group; what a reader fills in is not in the bytes.
      if (i > 0 && s.compat && s.left === 0)
        for (const { name } of part.members) delete value[name];
      else readPart(names, part, s, value);
    });
  };
  bounded(struct, s, () => {
    if (struct.extensible === undefined) readParts();
    else readBody(struct.extensible.maxBodyBytes, s, readParts);
  });
  return value;
}

/** What stands behind its byte length, all of it. */
function readBody(maxBytes: number, s: Source, read: () => void): void {
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
  names: Names,
  { members, bitBlockBytes }: ReturnType<typeof partsOf>[number],
  s: Source,
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
      const read = readBits(names, member.type, s, block, member, absent.has(member));
      if (!absent.has(member)) put(value, member.name, read);
      used += member.type.bits;
    }
    padding(s, block, used, bitBlockBytes);
  }
  for (const member of members) {
    if (absent.has(member)) delete value[member.name];
    else if (!isBits(member.type))
      put(value, member.name, readValue(names, member.type, s, member));
  }
}

function padding(s: Source, block: number, used: number, bytes: number): void {
  const width = bytes * 8 - used;
  if (width === 0) return;
  const value = s.bits(block, used, width);
  s.bitLeaf("padding", block, used, width, { value });
  if (value !== 0) s.fail("padding bits are not zero", "", block + bytes - 1);
}

type Named = Pick<MemberModel, "name" | "unit" | "valueBit">;

function unitOf({ unit }: Named): Meaning {
  return unit === undefined ? {} : { unit };
}

/** A value in a bit block; `absent` ones are there and zero. */
function readBits(
  names: Names,
  type: BitType,
  s: Source,
  block: number,
  member: Named,
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
  switch (type.kind) {
    case "bool":
      leaf({ value: raw === 1 });
      return raw === 1;
    case "enum": {
      const found = names.enum(type.name).values.find((value) => value.value === raw);
      leaf(found === undefined ? { value: raw } : { value: found.name, text: String(raw) });
      if (found === undefined) s.fail(`${raw} is no value of ${type.name}`, name, at);
      return found.name;
    }
    case "quantised": {
      if (raw > type.steps) {
        leaf({ value: raw });
        s.fail(`step ${raw} of ${type.steps}`, name, at);
      }
      const value = dequantise(type, raw);
      leaf({ value, text: `step ${raw} of ${type.steps}`, ...unitOf(member) });
      return value;
    }
    default:
      return unknownKind(type);
  }
}

/** A value of whole bytes. */
function readValue(names: Names, type: TypeModel, s: Source, member: Named): unknown {
  const { name } = member;
  const at = s.at;
  const unit = unitOf(member);
  switch (type.kind) {
    case "integer": {
      s.take(type.bytes, name);
      const whole = integerAt(s.view, at, type.bytes, type.signed);
      const value = type.as === "number" ? Number(whole) : whole;
      const isSafe = typeof value === "bigint" || Number.isSafeInteger(value);
      s.leaf(name, at, { value: isSafe ? value : whole, ...unit });
      if (!isSafe) s.fail("is beyond 2^53 - 1", name, at);
      return value;
    }
    case "varint": {
      const raw = s.varint(name);
      const value = type.signed ? unzigzag(raw) : raw;
      s.leaf(name, at, { value, ...unit });
      return value;
    }
    case "float": {
      s.take(type.bytes, name);
      const value = floatAt(s.view, at, type.bytes);
      s.leaf(name, at, { value: Number.isFinite(value) ? value : String(value), ...unit });
      if (!Number.isFinite(value)) s.fail(`${value} is not finite`, name, at);
      return value;
    }
    case "string":
    case "bytes":
      return s.group(name, () => readText(type, s), unit);
    case "list":
    case "array":
      return s.group(name, () => readList(names, type, s, member), unit);
    case "map":
      return s.group(name, () => readMap(names, type, s, member), unit);
    case "union":
      return s.group(name, () => readUnion(names, type.name, s), { text: type.name });
    case "struct":
      return s.group(name, () => readStruct(names, type.name, s), { text: type.name });
    case "bool":
    case "enum":
    case "quantised": {
      // Alone: an element, an entry's half or a variant, with a block of its own.
      const bytes = Math.ceil(type.bits / 8);
      const block = s.take(bytes, name);
      const value = readBits(names, type, s, block, { name, ...unit });
      padding(s, block, type.bits, bytes);
      return value;
    }
    default:
      return unknownKind(type);
  }
}

function floatAt(view: DataView, at: number, bytes: 2 | 4 | 8): number {
  if (bytes === 2) return halfOf(view.getUint16(at));
  return bytes === 4 ? view.getFloat32(at) : view.getFloat64(at);
}

function integerAt(
  view: DataView,
  at: number,
  bytes: 1 | 2 | 4 | 8,
  signed: boolean,
): number | bigint {
  if (bytes === 8) return signed ? view.getBigInt64(at) : view.getBigUint64(at);
  if (bytes === 4) return signed ? view.getInt32(at) : view.getUint32(at);
  if (bytes === 2) return signed ? view.getInt16(at) : view.getUint16(at);
  return signed ? view.getInt8(at) : view.getUint8(at);
}

function readText(type: Extract<TypeModel, { kind: "string" | "bytes" }>, s: Source): unknown {
  const start = s.at;
  const length = s.varint("length");
  s.leaf("length", start, { value: length, unit: "bytes" });
  if (length > type.maxBytes) s.fail(`${inBytes(length)}, at most ${type.maxBytes}`, "", start);
  const at = s.take(length, "");
  // A copy: what is read outlives the datagram.
  const bytes = s.bytes.slice(at, at + length);
  if (type.kind === "bytes") {
    s.leaf("value", at, { value: bytes });
    return bytes;
  }
  const text = utf8(bytes);
  s.leaf("value", at, { value: text ?? bytes });
  return text ?? s.fail("is not valid UTF-8", "", at);
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined for what is not strict UTF-8; a byte order mark is a character like any other. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

function readList(
  names: Names,
  type: Extract<TypeModel, { kind: "list" | "array" }>,
  s: Source,
  member: Named,
): unknown[] {
  const length = type.kind === "array" ? type.length : readCount(type.max, "elements", s);
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) {
    // An element takes at least a byte, so a false count ends here and not in memory.
    list.push(readValue(names, type.of, s, { name: `[${i}]`, ...unitOf(member) }));
  }
  return list;
}

function readCount(max: number, what: string, s: Source): number {
  const { at } = s;
  const count = s.varint("count");
  s.leaf("count", at, { value: count });
  if (count > max) s.fail(`${count} ${what}, at most ${max}`, "", at);
  return count;
}

function readMap(
  names: Names,
  type: Extract<TypeModel, { kind: "map" }>,
  s: Source,
  member: Named,
): Map<unknown, unknown> {
  const count = readCount(type.max, "entries", s);
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < count; i++) {
    s.group(`[${i}]`, () => {
      const { at } = s;
      const key = readValue(names, type.key, s, { name: "key" });
      if (map.has(key)) s.fail("a key that came before", "key", at);
      map.set(key, readValue(names, type.value, s, { name: "value", ...unitOf(member) }));
    });
  }
  return map;
}

function readUnion(names: Names, name: string, s: Source): { kind: string; value: unknown } {
  const union = names.union(name);
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
      value: readValue(names, variant.type, s, { name: "value", ...unit }),
    };
  });
}
