/** The other way of messages.ts: a value to bytes, by walking the spec's types. Slow; refuses what is not of the type. */
import { fail } from "./bytes.ts";
import { Half } from "./half.ts";
import type { Member, Type } from "./types.ts";

/** The one NaN that is sent, by the bytes of the float. */
export const NAN = { 2: 0x7e00n, 4: 0x7fc0_0000n, 8: 0x7ff8_0000_0000_0000n } as const;

export function encodeValue(type: Type, value: unknown, what: string): number[] {
  switch (type.kind) {
    case "integer": {
      const whole = BigInt.asUintN(type.bytes * 8, BigInt(value as bigint | number));
      return Array.from({ length: type.bytes }, (_, i) =>
        Number((whole >> BigInt(8 * (type.bytes - 1 - i))) & 255n),
      );
    }
    case "varint": {
      const whole = BigInt(value as number);
      return varint(!type.signed ? whole : whole < 0n ? -2n * whole - 1n : 2n * whole);
    }
    case "float": {
      if (Number.isNaN(value)) {
        if (!type.nan) fail(`${what}: NaN`);
        return encodeValue(
          { kind: "integer", bytes: type.bytes, signed: false, safe: false },
          NAN[type.bytes],
          what,
        );
      }
      const view = new DataView(new ArrayBuffer(type.bytes));
      if (type.bytes === 2) view.setUint16(0, Half.write(value as number));
      else if (type.bytes === 4) view.setFloat32(0, value as number);
      else view.setFloat64(0, value as number);
      return [...new Uint8Array(view.buffer)];
    }
    case "bits":
      return packed(bitsOf(type.write(value, what), type.bits));
    case "string": {
      const bytes = new TextEncoder().encode(value as string);
      return [...varint(BigInt(bytes.length)), ...bytes];
    }
    case "bytes":
      return [...varint(BigInt((value as Uint8Array).length)), ...(value as Uint8Array)];
    case "list": {
      const list = value as unknown[];
      return [...varint(BigInt(list.length)), ...elements(type.of, list, what)];
    }
    case "array":
      return elements(type.of, value as unknown[], what);
    case "map": {
      const map = value as Map<unknown, unknown>;
      const pairs = [...map].flatMap(([key, of]) => [
        ...encodeValue(type.key, key, what),
        ...encodeValue(type.value, of, what),
      ]);
      return [...varint(BigInt(map.size)), ...pairs];
    }
    case "union": {
      const { kind, value: of } = value as { kind: string; value: unknown };
      const variant = type.variants.find((v) => v.name === kind) ?? fail(`${what}: no ${kind}`);
      return [...varint(BigInt(variant.tag)), ...encodeValue(variant.type, of, `${what}.value`)];
    }
    case "struct": {
      const sinces = [...new Set(type.members.map((m) => m.since))];
      const body = sinces.flatMap((since) =>
        members(
          type.members.filter((m) => m.since === since),
          value as object,
          what,
        ),
      );
      return type.extensible ? [...varint(BigInt(body.length)), ...body] : body;
    }
  }
}

function elements(of: Type, list: readonly unknown[], what: string): number[] {
  return list.flatMap((item, i) => encodeValue(of, item, `${what}[${i}]`));
}

function members(all: readonly Member[], value: object, what: string): number[] {
  let bits = "";
  const rest: number[] = [];
  for (const { name, type, optional } of all) {
    const own: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
    const absent = optional && own === undefined;
    if (optional) bits += absent ? "0" : "1";
    if (type.kind === "bits") {
      bits += bitsOf(absent ? 0 : type.write(own, `${what}.${name}`), type.bits);
    } else if (!absent) rest.push(...encodeValue(type, own, `${what}.${name}`));
  }
  return [...packed(bits), ...rest];
}

function bitsOf(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}

/** Bits, most significant first, padded with zeros to whole bytes. */
function packed(bits: string): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < bits.length; i += 8) {
    bytes.push(Number.parseInt(bits.slice(i, i + 8).padEnd(8, "0"), 2));
  }
  return bytes;
}

/** Unsigned LEB128. */
function varint(value: bigint): number[] {
  const low = Number(value & 127n);
  return value < 128n ? [low] : [low + 128, ...varint(value >> 7n)];
}
